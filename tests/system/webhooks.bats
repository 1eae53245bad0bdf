#!/usr/bin/env bats
# Webhooks of the real service: what it must not reach, what it is told, and what it says itself.

load world.bash

root=$BATS_TEST_DIRNAME/../..

# A server in Python on 127.0.0.1 and ::1, at one port ($PORT): it writes each request to `asked`,
# and answers by its path; connections are counted in `accepted`.
receiver() {
    cat >receiver.py <<'END'
import email.utils, http.server, os, socket, socketserver, sys, threading, time

class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        with open("accepted", "a") as file:
            file.write("%s\n" % self.client_address[0])
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("asked", "a") as file:
            file.write("%s %s %s\n" % (self.path, self.headers["Pinion-Attempt"], body.decode()))
        if self.path == "/silent":
            time.sleep(60)
        status, header = {"/away": (307, ("Location", "http://[::1]:%d/there" % port)),
                          "/later": (503, ("Retry-After", "7200")),
                          "/date": (429, ("Retry-After", email.utils.formatdate(
                              time.time() + 7200, usegmt=True))),
                          "/never": (503, ("Retry-After", "99999999")),
                          "/junk": (503, ("Retry-After", "in a while"))}.get(self.path, (200, None))
        self.send_response(status)
        if header:
            self.send_header(*header)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass

class Server4(http.server.ThreadingHTTPServer):
    daemon_threads = True

class Server6(Server4):
    address_family = socket.AF_INET6

first = Server4(("127.0.0.1", 0), Receiver)
port = first.server_address[1]
threading.Thread(target=first.serve_forever, daemon=True).start()
try:
    threading.Thread(target=Server6(("::1", port), Receiver).serve_forever, daemon=True).start()
except OSError:
    pass # no IPv6 here
with open("port.new", "w") as file:
    file.write(str(port))
os.rename("port.new", "port")
sys.stdin.read()
END
    : >accepted
    : >asked
    mkfifo stay # its standard input ends with this test
    setpriv --pdeathsig KILL python3 receiver.py <stay >receiver.log 2>&1 3>&- &
    echo $! >>"$CHILDREN"
    exec 8>stay
    eventually "a receiver" [ -s port ]
    PORT=$(cat port)
}

setup() {
    world_begin
    receiver
}

teardown() {
    world_end
}

hook() { # KIND URL [KEY = VALUE]...
    printf '[webhook "%s"]\nurl = %s\n' "$1" "$2"
    shift 2
    [ $# -eq 0 ] || printf '%s\n' "$@"
}

failed_with() { # ID STATE TEXT
    eventually "$1 is $2" job_is "$1" "$2"
    [[ "$(job "$1" error)" == *"$3"* ]] || { job "$1" error; return 1; }
}

@test "sixty ways to write what is forbidden: no connection" {
    hosts=(127.0.0.1 127.0.0.2 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7F.0.0.1
        0x7f.1 017700000001 0177.0.0.1 0177.1 0000177.0.0.01 127.0.0.0x1 127.0x1 127.65537 0 0.0.0.0
        0x0 00 0.0 10.0.0.1 10.1 0xa000001 167772161 172.16.0.1 172.31.255.255 192.168.0.1
        192.168.257 3232235521 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 100.64.0.1
        100.100.100.200 168.63.129.16 198.18.0.1 192.0.0.1 192.0.2.1 192.88.99.1 198.51.100.1
        203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 '[::]' '[::1]' '[0:0:0:0:0:0:0:1]'
        '[::127.0.0.1]' '[::ffff:127.0.0.1]' '[::ffff:7f00:1]' '[::ffff:0:7f00:1]'
        '[64:ff9b::7f00:1]' '[2002:7f00:1::]' '[2001:0:7f00:1::]' '[fc00::1]' '[fe80::1]'
        '[fec0::1]' '[2001:db8::1]' '[ff02::1]' localhost)
    [ ${#hosts[@]} -ge 60 ]
    for i in "${!hosts[@]}"; do
        hook "k$i" "http://${hosts[$i]}:$PORT/there"
        echo "{\"kind\":\"k$i\",\"attempts_max\":1}" >>jobs
    done >pinion.ini
    serve_ready one -c pinion.ini --listen none
    pinion enqueue --bulk jobs >/dev/null
    eventually "all are dead" queue_has dead ${#hosts[@]}
    [ "$(pinion job list --state dead --json --limit 100 |
        jq '[.items[] | select(.error | test("is forbidden"))] | length')" -eq ${#hosts[@]} ]
    [ ! -s accepted ]
}

@test "a redirect ends the job, and where it leads to is not asked" {
    serve_ready one --listen none --webhook a="http://127.0.0.1:$PORT/away" \
        --webhook-allow 127.0.0.1
    pinion enqueue a --id away >/dev/null
    failed_with default:away dead 'HTTP 307, redirects are not followed'
    [ "$(cat accepted)" = 127.0.0.1 ]
    [ "$(job default:away attempt)" -eq 1 ]
}

# waits ID FROM_S TO_S: its next attempt is so far away.
waits() {
    local ms=$(($(ms_of "$(job "$1" run_at)") - $(now_ms)))
    [ "$ms" -gt $(($2 * 1000)) ] && [ "$ms" -le $(($3 * 1000)) ] || { echo "$1: $ms"; return 1; }
}

@test "Retry-After is honoured, a day at most" {
    local flags=()
    for path in later date never junk; do
        flags+=(--webhook "$path=http://127.0.0.1:$PORT/$path")
    done
    serve_ready one --listen none --webhook-allow 127.0.0.1 "${flags[@]}"
    for path in later date never junk; do
        pinion enqueue "$path" --id "$path" --backoff fixed:100s >/dev/null
    done
    failed_with default:later retry 'HTTP 503: ok'
    failed_with default:date retry 'HTTP 429: ok'
    failed_with default:never retry 'HTTP 503: ok'
    failed_with default:junk retry 'HTTP 503: ok'
    waits default:later 7100 7200
    waits default:date 7100 7200
    waits default:never 86000 86400
    waits default:junk 20 100
}

@test "a stop aborts what is under way, and puts it back uncharged" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    serve_ready one --listen none --grace 100ms --webhook a="http://127.0.0.1:$PORT/silent" \
        --webhook-allow 127.0.0.1
    pinion enqueue a --id silent >/dev/null
    eventually "it is asked" has_lines asked 1
    stop "$SERVER"
    job_is default:silent ready
    [ "$(redis hget 'pinion:{default}:meta' failed)" = "" ]
}

@test "a bad certificate, and no server at all" {
    hook tls "https://127.0.0.1:$PORT/" >pinion.ini
    serve_ready one -c pinion.ini --listen none --webhook-allow 127.0.0.0/8 \
        --webhook nobody=http://127.0.0.77:9/
    pinion enqueue tls --id tls --attempts 1 >/dev/null
    pinion enqueue nobody --id nobody --attempts 1 >/dev/null
    eventually "both are dead" queue_has dead 2
    [ ! -s asked ]
    [[ "$(job default:nobody error)" == *onnect* ]]
}

@test "SIGHUP brings a webhook, and moves one" {
    echo '[serve]' >pinion.ini
    echo 'webhook-allow = 127.0.0.1' >>pinion.ini
    serve_ready one -c pinion.ini --listen none
    for path in one two; do
        { printf '[serve]\nwebhook-allow = 127.0.0.1\n' &&
            hook a "http://127.0.0.1:$PORT/$path" "secret = between us"; } >pinion.ini
        kill -HUP "$SERVER"
        eventually "it is read" said_times one event=reloaded $([ $path = one ] && echo 1 || echo 2)
        pinion enqueue a "to $path" --wait >/dev/null
    done
    [ "$(cut -d' ' -f 1,3- asked | xargs)" = '/one to one /two to two' ]
    ! grep -q 'between us' one.log
}

@test "what webhooks may reach stays as it was until a restart, however often it is read" {
    echo '[serve]' >pinion.ini
    serve_ready one -c pinion.ini --listen none
    { printf '[serve]\nwebhook-allow = 127.0.0.1\n' && hook a "http://127.0.0.1:$PORT/no"; } \
        >pinion.ini
    for times in 1 2; do
        kill -HUP "$SERVER"
        eventually "it is read" said_times one event=reloaded "$times"
        said_times one 'event=restart_needed keys=.*webhook-allow' "$times"
    done
    pinion enqueue a --id a --attempts 1 >/dev/null
    failed_with default:a dead 'is forbidden (loopback)'
    [ ! -s accepted ]
}

said_times() { # NAME TEXT COUNT
    [ "$(grep -c -- "$2" "$1.log")" -ge "$3" ]
}

@test "what cannot work is refused at the start" {
    hook a http://example.org/ "secret-file = $PWD/nothing" >pinion.ini
    exits 2 serve -c pinion.ini --listen none
    [[ "$stderr" == *"webhook a: secret-file $PWD/nothing: No such file"* ]]
    : >empty
    hook a http://example.org/ "secret-file = $PWD/empty" >pinion.ini
    exits 2 serve -c pinion.ini --listen none
    [[ "$stderr" == *"empty: expected a secret of 1 to 1024 bytes"* ]]
    exits 2 serve --listen none --webhook a=ftp://example.org/
    [[ "$stderr" == *"webhook a: expected a URL"* ]]
    exits 2 serve --listen none --webhook a=http://example.org/ --command a=true
    [[ "$stderr" == *"the kind has a handler already, a webhook"* ]]
    exits 2 serve --listen none --webhook-allow 10.0.0.1/8
    [[ "$stderr" == *"expected an address or a range"* ]]
    hook a http://example.org/ 'colour = red' >pinion.ini
    exits 2 serve -c pinion.ini --listen none
    [[ "$stderr" == *"pinion.ini:3: unknown key 'colour' in [webhook]"* ]]
}

@test "the document shows the example's verification" {
    sed -n '/^```python$/,/^```$/p' "$root/docs/webhooks.md" | sed '1d;$d' |
        diff - "$root/examples/webhook/verify.py"
}
