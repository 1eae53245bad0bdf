#!/usr/bin/env bats
# pinion serve --plugin: what is loaded, and what stops the start.

load world.bash

setup() {
    world_begin
    HEADER=$BATS_TEST_DIRNAME/../../include
}

teardown() {
    world_end
}

# build NAME: NAME.so from the C on stdin, behind a handler that answers "NAME" and what pinion.h is.
build() {
    {
        printf '#include <pinion.h>\n#include <stdio.h>\n'
        printf 'static void run(struct pinion_attempt *a, void *ctx)\n'
        printf '{ (void)ctx; pinion_attempt_done(a, "%s", sizeof "%s" - 1); }\n' "$1" "$1"
        cat
    } >"$1.c"
    "${CC:-cc}" -shared -fPIC -Wall -I "$HEADER" -o "$1.so" "$1.c"
}

handles() { # KIND...: an init that adds a handler for each
    printf 'static enum pinion_err init(struct pinion_service *s, char *why, size_t size)\n{\n'
    printf 'enum pinion_err err = PINION_OK; (void)why, (void)size;\n'
    for kind in "$@"; do
        printf 'if (!err) err = pinion_service_handle(s, &(struct pinion_handler){.kind = "%s", ' \
            "$kind"
        printf '.run = run});\n'
    done
    printf 'return err;\n}\n'
}

entry() {
    printf 'const struct pinion_plugin pinion_plugin = {PINION_ABI, init, 0};\n'
}

refused() { # WORDS... of the error; nothing was begun
    local word
    exits 2 serve --listen none "${FLAGS[@]}"
    for word in "$@"; do
        [[ "$stderr" == *"$word"* ]] || { echo "no '$word' in: $stderr"; return 1; }
    done
    [ ! -e "$PINION_STATE/pinion.json" ]
}

@test "two plugins, by flag and by file, beside a command; their ends come last" {
    { handles one.a one.b; entry; } | build one
    {
        handles two
        printf 'static void deinit(void) { fputs("two has ended\\n", stderr); }\n'
        printf 'const struct pinion_plugin pinion_plugin = {PINION_ABI, init, deinit};\n'
    } | build two
    printf '[serve]\nplugin = %s/two.so\n[command "say"]\nargv = echo said\n' "$PWD" >two.ini
    serve_ready file --listen none -c two.ini
    [ "$(pinion enqueue two --wait)" = two ]
    [ "$(pinion enqueue say --wait)" = said ]
    kill -HUP "$SERVER" # they stay when the file is read again
    eventually "the reload" said file event=reloaded
    [ "$(pinion enqueue two --wait)" = two ]
    stop "$SERVER"
    [ "$(tail -1 file.log)" = "two has ended" ]

    serve_ready flags --listen none --plugin one.so --plugin "$PWD/two.so" # a bare name is a file
    [ "$(pinion enqueue one.a --wait)" = one ]
    [ "$(pinion enqueue one.b --wait)" = one ]
    [ "$(pinion enqueue two --wait)" = two ]
    stop "$SERVER"
}

@test "a plugin that is none, of another version, or that fails: exit status 2, and the file named" {
    FLAGS=(--plugin ./none.so)
    refused './none.so' 'cannot be loaded' 'No such file'
    echo text >text.so
    FLAGS=(--plugin text.so)
    refused 'plugin text.so' 'cannot be loaded'
    echo 'void *use = (void *)run;' | build empty
    FLAGS=(--plugin empty.so)
    refused 'plugin empty.so' 'expected it to define' 'struct pinion_plugin pinion_plugin'
    { handles a; echo 'struct pinion_plugin pinion_plugin = {PINION_ABI + 1, init, 0};'; } |
        build newer
    FLAGS=(--plugin newer.so)
    refused 'plugin newer.so' 'made for version 2' 'expected 1'
    { handles a; echo 'struct pinion_plugin pinion_plugin = {PINION_ABI, 0, 0}, *use = (void *)init;'; } |
        build idle
    FLAGS=(--plugin idle.so)
    refused 'plugin idle.so' 'expected it to have an init'
    {
        printf 'static enum pinion_err init(struct pinion_service *s, char *why, size_t size)\n'
        printf '{ (void)s; (void)run; snprintf(why, size, "no licence"); return PINION_FORBIDDEN; }\n'
        entry
    } | build unwilling
    FLAGS=(--plugin unwilling.so)
    refused 'plugin unwilling.so' 'its init failed: forbidden: no licence'
    {
        printf 'enum pinion_err pinion_not_there(void);\n'
        printf 'static enum pinion_err init(struct pinion_service *s, char *why, size_t size)\n'
        printf '{ (void)s; (void)run; (void)why; (void)size; return pinion_not_there(); }\n'
        entry
    } | build hollow
    FLAGS=(--plugin hollow.so)
    refused 'plugin hollow.so' 'pinion_not_there'
}

@test "a kind that is taken is refused, by whomever" {
    { handles a b; entry; } | build first
    { handles c a; entry; } | build second
    FLAGS=(--plugin first.so --plugin second.so)
    refused 'plugin second.so' 'conflict'
    FLAGS=(--plugin first.so --command 'b=true')
    refused 'plugin first.so' "kind 'b' has a handler already"
    { handles x; entry; } | build mine
    serve_ready one --listen none --plugin mine.so -c /dev/null
    [ "$(pinion enqueue x --wait)" = mine ]
}

@test "a plugin does not run, start or free the service that it is in" {
    {
        cat <<'C'
static enum pinion_err init(struct pinion_service *s, char *why, size_t size)
{
    if (pinion_service_start(s, NULL, 0) != PINION_CONFLICT) return PINION_INTERNAL;
    if (pinion_service_run(s) != PINION_CONFLICT) return PINION_INTERNAL;
    if (pinion_service_ready(s) || !pinion_service_loop(s)) return PINION_INTERNAL;
    pinion_service_free(s);
    (void)why, (void)size;
    return pinion_service_handle(s, &(struct pinion_handler){.kind = "tame", .run = run});
}
C
        entry
    } | build tame
    serve_ready one --listen none --plugin tame.so
    [ "$(pinion enqueue tame --wait)" = tame ]
}
