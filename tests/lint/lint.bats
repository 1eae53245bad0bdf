#!/usr/bin/env bats
# Each lint against itself: a small good house passes, and each bad file put into it is flagged.

setup() {
    LINT=$BATS_TEST_DIRNAME
    HOUSE=$BATS_TEST_TMPDIR/house
    mkdir -p "$HOUSE"/include "$HOUSE"/base "$HOUSE"/queue/scripts/shared "$HOUSE"/scheduler \
        "$HOUSE"/workers "$HOUSE"/control "$HOUSE"/cli "$HOUSE"/tests/unit "$HOUSE"/examples
    cd "$HOUSE"
    put include/pinion.h '#include <stdint.h>' 'int pinion_run(void);'
    put base/list.h '#include <stddef.h>' 'struct list { struct list *next; };'
    put base/list.c '/* the list */' '#include "base/list.h"' '#include <stddef.h>'
    put base/clock.c '#include <time.h>' 'long now(void)' '{' '    return time(0);' '}'
    put base/random.c 'long dice(void)' '{' '    return getrandom(0, 0, 0);' '}'
    put queue/link.c '#include "base/list.h"' '#include <hiredis/async.h>'
    put scheduler/wheel.h '#include "base/list.h"'
    put workers/hook.c '#include "scheduler/wheel.h"' '#include <curl/curl.h>'
    put control/service.c '#include "include/pinion.h"' '#include <llhttp.h>' \
        'void *loop_make(void)' '{' '    return ev_default_loop(0);' '}'
    put cli/main.c '#include "control/api/api.h"' '/* system("no") */' \
        'const char *say(void)' '{' '    return "call time() and popen( it";' '}'
    put tests/unit/test_wheel.c '#include <cmocka.h>' '#include "cli/main.h"' \
        'long t(void)' '{' '    return time(0) + getrandom(0, 0, 0);' '}'
    put examples/hello.c '#include "pinion.h"' '#include <time.h>' \
        'int main(void)' '{' '    return !ev_default_loop(0);' '}'
    put queue/scripts/ack.lua '#!lua' '--@ include now' '-- ack: ACTIVE -> DONE.' '--' \
        '-- KEYS  1 queue' '-- ARGV  1 token' "-- Gives {'ok'}" 'local t = now_us()' 'return t'
    put queue/scripts/shared/now.lua 'local function now_us()' '  return 1' 'end'
}

put() { # FILE LINE...
    local file=$1
    shift
    printf '%s\n' "$@" >"$file"
}

repeat() { # TEXT COUNT
    local i
    for ((i = 0; i < $2; i++)); do printf '%s\n' "$1"; done
}

passes() { # LINT
    run "$LINT/$1.sh" "$HOUSE"
    [ "$status" -eq 0 ] || { echo "$1 flags what is good: $output"; return 1; }
}

flags() { # LINT FILE:LINE WORDS: the lint fails, by one line that has both
    run "$LINT/$1.sh" "$HOUSE"
    [ "$status" -eq 1 ] || { echo "$1 ended with $status: $output"; return 1; }
    grep -F -- "$2: " <<<"$output" | grep -F -- "$3" || { echo "no $2 .. $3 in: $output"; return 1; }
}

@test "the good house passes every lint" {
    passes includes
    passes shape
    passes lua
}

@test "includes: a folder to the left is refused, for every pair of folders" {
    local folders=(base queue scheduler workers control cli) low high
    for ((low = 0; low < 6; low++)); do
        for ((high = 0; high < 6; high++)); do
            put "${folders[low]}/probe.c" '#include "'"${folders[high]}"'/some.h"'
            if ((high > low)); then
                flags includes "${folders[low]}/probe.c:1" "stands above it"
            else
                passes includes
            fi
        done
        rm "${folders[low]}/probe.c"
    done
}

@test "includes: tests are not for the house, the house is not for pinion.h" {
    put base/a.c '#include "tests/support/fake.h"'
    flags includes base/a.c:1 'expected nothing of tests/'
    rm base/a.c
    put include/pinion.h '' '#include "base/list.h"'
    flags includes include/pinion.h:2 'expected nothing of ours'
}

@test "includes: pinion.h may be included from everywhere" {
    local folder
    for folder in base queue scheduler workers control cli examples tests; do
        put "$folder/probe.c" '#include "include/pinion.h"'
    done
    passes includes
}

@test "includes: a library is for its own folder" {
    local folder
    for folder in base scheduler workers control cli; do
        put "$folder/probe.c" '#include <hiredis/hiredis.h>'
        flags includes "$folder/probe.c:1" 'expected only in queue/'
        rm "$folder/probe.c"
    done
    put workers/probe.c '#include "llhttp.h"'
    flags includes workers/probe.c:1 'expected only in control/'
    put workers/probe.c ''
    put control/probe.c '  #  include <curl/multi.h>'
    flags includes control/probe.c:1 'expected only in workers/'
    put control/probe.c '#include "workers/curl_loop.h"'
    passes includes
}

@test "includes: the HTTP server knows nothing of what it serves" {
    mkdir control/http
    put control/http/probe.c '#include "control/http/conn.h"' '#include "base/list.h"' \
        '#include "scheduler/ticker.h"'
    passes includes
    local header
    for header in control/service.h control/api/call.h scheduler/wheel.h workers/hook.h; do
        put control/http/probe.c "#include \"$header\""
        flags includes control/http/probe.c:1 'expected only base/'
    done
}

@test "includes: paths are written from the root, in quotes" {
    put base/a.c '#include "list.h"'
    flags includes base/a.c:1 'expected a path from the root'
    put base/a.c '#include "../base/list.h"'
    flags includes base/a.c:1 'expected a path from the root'
    put base/a.c '#include "base/../base/list.h"'
    flags includes base/a.c:1 'climbs about'
    put base/a.c '#include <base/list.h>'
    flags includes base/a.c:1 'expected in quotes'
    put base/a.c '#include LIST_H'
    flags includes base/a.c:1 'expected a file'
}

@test "includes: the own header comes first" {
    put base/list.c '#include <stddef.h>' '#include "base/list.h"'
    flags includes base/list.c:1 'expected the own header base/list.h'
}

@test "includes: a source file outside of the folders is stray" {
    mkdir src
    put src/main.c 'int x;'
    flags includes src/main.c:0 'stray'
}

@test "includes: one door to the clock" {
    local call
    for call in 'clock_gettime(0, 0)' 'gettimeofday(0, 0)' 'time(NULL)' 'x + time (0)' 'ev_time()' \
        'f(clock_gettime)'; do
        put scheduler/a.c 'long a(void)' '{' "    return $call;" '}'
        flags includes scheduler/a.c:3 'expected only in base/clock.c'
    done
    put scheduler/a.c 'long a(struct b *b)' '{' '    return run_time(b) + b->time(b) + b->time;' '}'
    passes includes
}

@test "includes: one door to randomness" {
    local call
    for call in 'getrandom(0, 0, 0)' 'rand()' 'random()' 'getentropy(0, 0)'; do
        put base/clock.c 'long a(void)' '{' "    return $call;" '}'
        flags includes base/clock.c:3 'expected only in base/random.c'
    done
}

@test "includes: one place makes the loop" {
    put control/http.c 'void a(void)' '{' '    b(ev_default_loop(0));' '}'
    flags includes control/http.c:3 'expected only in control/service.c'
    put control/http.c 'void a(void)' '{' '    ev_run(EV_DEFAULT_ 0);' '}'
    flags includes control/http.c:3 'expected only in control/service.c'
}

@test "includes: no shell, not even in tests" {
    put workers/a.c 'int a(void)' '{' '    return system("ls");' '}'
    flags includes workers/a.c:3 'expected an argument vector'
    rm workers/a.c
    put tests/unit/test_a.c 'int a(void)' '{' '    return !popen ("ls", "r");' '}'
    flags includes tests/unit/test_a.c:3 'expected an argument vector'
}

@test "includes: comments end where they end, and strings do not begin one" {
    put cli/a.c '/* a' 'system("no");' '*/ int a = system("yes");'
    flags includes cli/a.c:3 'expected an argument vector'
    [[ $output != *cli/a.c:2:* ]]
    put cli/a.c 'int a = f("/*", '"'\"'"', system("yes"));'
    flags includes cli/a.c:1 'expected an argument vector'
    put cli/a.c '/* #include "x.h" */ // #include "y.h"'
    passes includes
}

@test "includes, shape, lua: nothing to look at is a failure" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    HOUSE=$BATS_TEST_TMPDIR/empty
    local lint
    for lint in includes shape lua; do
        run "$LINT/$lint.sh" "$HOUSE"
        [ "$status" -eq 1 ]
        [[ $output == *expected* ]]
    done
}

@test "shape: 100 columns, counted in characters" {
    put base/a.c "/* $(printf '%095d' 0)*/"
    passes shape
    put base/a.c "/* $(printf '%094d' 0)—*/"
    passes shape
    put base/a.c '' "/* $(printf '%095d' 0) */"
    flags shape base/a.c:2 '101 columns'
}

@test "shape: no tab, no trailing blank" {
    put base/a.h $'int a;\tint b;'
    flags shape base/a.h:1 'tab'
    put base/a.h 'int a; '
    flags shape base/a.h:1 'trailing blank'
    rm base/a.h
    put base/CMakeLists.txt '' 'add(x)  '
    flags shape base/CMakeLists.txt:2 'trailing blank'
}

@test "shape: a denial that could not fail its test" {
    put tests/a.bats '@test "a" {' '    ! b || return 1' '    ! c' '}'
    passes shape
    put tests/a.bats '@test "a" {' '    ! b' '    c' '}'
    flags shape tests/a.bats:2 'return 1'
    put tests/a.bats '@test "a" {' '    for i in 1 2; do' '        ! b' '    done' '}'
    flags shape tests/a.bats:3 'return 1'
}

@test "shape: a function of 100 lines, and of one more" {
    { printf 'static int\na(int b)\n{\n'; repeat '    b++;' 97; echo '}'; } >base/a.c
    passes shape
    { printf 'static int a(int b)\n{\n'; repeat '    b++;' 98; echo '}'; } >base/a.c
    flags shape base/a.c:1 'a function of 101 lines'
    { printf 'int x;\n\nint a(int b,\n      int c)\n{\n'; repeat '    b++;' 98; echo '}'; } >base/a.c
    flags shape base/a.c:3 'a function of 102 lines'
    { printf 'int a(int b) { /* so */\n'; repeat '    b++;' 99; echo '}'; } >base/a.c
    flags shape base/a.c:1 'a function of 101 lines'
}

@test "shape: a table may be longer than a function" {
    { printf 'static const struct { int a; } b[] = {\n'; repeat '    { 1 },' 150; echo '};'; } >base/a.c
    passes shape
    { printf 'enum a {\n'; repeat '    B,' 150; echo '};'; } >base/a.c
    passes shape
}

@test "shape: a function ends with a brace in column 0" {
    put base/a.c 'int a(void)' '{' '    return 1;' '  }' 'int b(void)' '{' '    return 1;' '}'
    flags shape base/a.c:1 'without closing brace'
    put base/a.c 'int a(void)' '{' '    return 1;' '  }'
    flags shape base/a.c:1 'without closing brace'
    put base/a.c 'int a(void)' '{' '    goto out;' 'out:' '    return 1;' '}'
    passes shape
}

@test "shape: a file of 600 lines, and of one more" {
    repeat 'int a;' 600 >base/a.c
    passes shape
    repeat 'int a;' 601 >base/a.c
    flags shape base/a.c:601 'expected at most 600'
}

@test "shape: a script of 60 lines, and of one more" {
    cp queue/scripts/ack.lua head.txt
    { cat head.txt; repeat 'f()' 53; } >queue/scripts/ack.lua
    passes shape
    { cat head.txt; repeat 'f()' 54; } >queue/scripts/ack.lua
    flags shape queue/scripts/ack.lua:63 'a script of 61 lines'
}

@test "shape: a script opens with its contract" {
    local word
    cp queue/scripts/ack.lua head.txt
    for word in KEYS ARGV Gives; do
        grep -v -- "-- $word" head.txt >queue/scripts/ack.lua
        flags shape queue/scripts/ack.lua:1 "no $word"
    done
    { echo 'local a = 1'; cat head.txt; } >queue/scripts/ack.lua
    flags shape queue/scripts/ack.lua:1 'no KEYS'
}

@test "lua: what does not parse is flagged, with its line, shared parts too" {
    put queue/scripts/ack.lua '#!lua' '--@ include now' 'local a =' 'return'
    flags lua queue/scripts/ack.lua:4 'unexpected symbol'
    put queue/scripts/ack.lua 'return 1'
    put queue/scripts/shared/now.lua 'local function a()'
    flags lua queue/scripts/shared/now.lua:2 "'end' expected"
}

@test "lua: only what Redis's Lua 5.1 knows" {
    put queue/scripts/ack.lua 'goto done' '::done::'
    flags lua queue/scripts/ack.lua:1 ''
    put queue/scripts/ack.lua 'return 7 // 2'
    flags lua queue/scripts/ack.lua:1 ''
}

@test "lua: a global is flagged" {
    put queue/scripts/ack.lua 'local a = 1' 'local function f() b = a end' 'return f'
    flags lua queue/scripts/ack.lua:2 'sets the global b'
}

@test "lua: without its compiler it fails, and says what to install" {
    local tool
    mkdir "$BATS_TEST_TMPDIR/bin"
    for tool in sh bash env sed find sort awk grep dirname; do
        ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/$tool"
    done
    PATH=$BATS_TEST_TMPDIR/bin run "$LINT/lua.sh" "$HOUSE"
    [ "$status" -eq 1 ]
    [[ $output == *lua5.1* ]]
}

@test "web: text that becomes HTML or code is flagged, and what comes from elsewhere" {
    local line
    mkdir -p control/web
    put control/web/index.html '<script src="/web/app.js" type="module"></script>'
    put control/web/app.js 'node.textContent = job.payload;' \
        'const SVG = "http://www.w3.org/2000/svg";'
    passes web
    for line in 'node.innerHTML = x;' 'node.insertAdjacentHTML("a", x);' 'document.write(x);' \
        'eval(x);' 'new Function(x)();' 'fetch("https://example.org/x");' 'import("/x");'; do
        put control/web/app.js "$line"
        run "$LINT/web.sh" "$HOUSE"
        [ "$status" -eq 1 ] && grep -F -- "app.js:1:$line" <<<"$output"
    done
    put control/web/app.js ''
    for line in '<p style="color: red">' '<p onclick="x()">' '<script>x()</script>'; do
        put control/web/index.html "$line"
        run "$LINT/web.sh" "$HOUSE"
        [ "$status" -eq 1 ] && grep -F -- "index.html:1:$line" <<<"$output"
    done
    put control/web/index.html ''
    repeat '// a line' 351 >control/web/app.js
    run "$LINT/web.sh" "$HOUSE"
    [ "$status" -eq 1 ] && grep -F 'app.js:351: 351 lines' <<<"$output"
}
