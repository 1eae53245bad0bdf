#!/bin/sh
# includes.sh [ROOT] — who may include whom, and who may call what. ROOT: default this repository.
#
#     cli -> control -> workers -> scheduler -> queue -> base     any folder to its right, never left
#
# Every breach is a line FILE:LINE: what was found, and what was expected. Comments and strings
# are not looked at. Tests and examples are outside of the house: they may look into every folder.
# control/http/ is a server for any table of routes: of what is ours it sees base/ and the ticker.
set -eu

root=${1:-$(dirname -- "$0")/../..}
cd "$root"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
find . \( -path ./build -o -path './build-*' -o -path ./.git -o -path ./.cache \
    -o -name node_modules \) -prune -o -type f -name '*.[ch]' -print | sed 's|^\./||' |
    LC_ALL=C sort >"$list"
if [ ! -s "$list" ]; then
    echo "includes.sh: no .c or .h file in $root, expected the repository's root" >&2
    exit 1
fi

LC_ALL=C awk -v list="$list" '
BEGIN {
    rank["base"] = 1; rank["queue"] = 2; rank["scheduler"] = 3
    rank["workers"] = 4; rank["control"] = 5; rank["cli"] = 6
    outside["tests"] = outside["examples"] = 1

    # What one folder keeps to itself: a library, told by its header.
    keeper["hiredis"] = "queue"; keeper["llhttp"] = "control"; keeper["curl"] = "workers"
    keeper["wslay"] = "control"

    # What one file keeps to itself: names, and calls (a name before an opening parenthesis).
    door["base/clock.c"] = "clock_gettime|gettimeofday|timespec_get"
    door_call["base/clock.c"] = "time|ev_time"
    door["base/random.c"] = "getrandom|getentropy"
    door_call["base/random.c"] = "rand|srand|random|srandom|drand48|arc4random"
    # What a folder inside of a folder may see of the house, besides base/ and itself.
    narrow["control/http"] = "scheduler/ticker.h"
    door["control/service.c"] = "ev_default_loop|EV_DEFAULT|EV_DEFAULT_"

    while ((getline path < list) > 0) { is_ours[path] = 1; paths[++count] = path }
    for (i = 1; i <= count; i++) check_file(paths[i])
    printf "includes.sh: %d files, %d breaches\n", count, breaches
    exit breaches > 0
}

function breach(what)
{
    printf "%s:%d: %s\n", path, number, what
    breaches++
}

function check_file(p,    line)
{
    path = p; folder = substr(p, 1, index(p, "/") - 1)
    number = 0; in_comment = 0; included = 0
    if (!(folder in rank) && !(folder in outside) && folder != "include")
        breach("stray file, expected in one of the folders of the house")
    own = p; sub(/\.c$/, ".h", own)
    if (own == p || !(own in is_ours)) own = ""
    while ((getline line < p) > 0) {
        number++
        split_line(line)
        if (with_strings ~ /^[ \t]*#[ \t]*include/) check_include(with_strings)
        else check_calls(code)
    }
    close(p)
}

# Sets with_strings (the line less its comments) and code (that, with every string empty).
function split_line(line,    token, end)
{
    with_strings = code = ""
    while (line != "") {
        if (in_comment) {
            end = index(line, "*/")
            if (!end) return
            line = " " substr(line, end + 2); in_comment = 0
        }
        if (!match(line, /\/\*|\/\/|"|\047/)) { keep(line, line); return }
        token = substr(line, RSTART, RLENGTH)
        keep(substr(line, 1, RSTART - 1), substr(line, 1, RSTART - 1))
        line = substr(line, RSTART)
        if (token == "//") return
        if (token == "/*") { in_comment = 1; line = substr(line, 3); continue }
        if (token == "\"") match(line, /^"([^"\\]|\\.)*"?/)
        else match(line, /^\047([^\047\\]|\\.)*\047?/)
        keep(substr(line, 1, RLENGTH), token token)
        line = substr(line, RLENGTH + 1)
    }
}

function keep(text, less) { with_strings = with_strings text; code = code less }

function check_include(line,    target, quoted, first, library, inner)
{
    included++
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
    quoted = substr(line, 1, 1) == "\""
    if (!quoted && line !~ /^</) { breach("include of a macro, expected a file"); return }
    target = substr(line, 2); sub(/[">].*/, "", target)
    first = target; sub(/\/.*/, "", first)

    if (included == 1 && own != "" && !(quoted && target == own))
        breach("the first include is " target ", expected the own header " own)
    for (library in keeper)
        if (target ~ "^(.*/)?" library && !(quoted && first in rank) && !(folder in outside) &&
            folder != keeper[library])
            breach(target " is included in " folder "/, expected only in " keeper[library] "/")
    if (!quoted) {
        if (first in rank) breach("<" target "> is ours, expected in quotes")
        return
    }
    if (target == first || !(first in rank || first in outside || first == "include")) {
        if (!(folder in outside && target == "pinion.h"))
            breach("\"" target "\", expected a path from the root, as in \"base/list.h\"")
    } else if (target ~ /(^|\/)\.\.?\//)
        breach("\"" target "\" climbs about, expected a plain path from the root")
    else if (folder == "include")
        breach("the public header includes " target ", expected nothing of ours")
    else if (first in outside && !(folder in outside))
        breach(folder "/ includes " target ", expected nothing of " first "/")
    else if (folder in rank && first in rank && rank[first] > rank[folder])
        breach(folder "/ includes " target ", but " first "/ stands above it")
    for (inner in narrow)
        if (index(path, inner "/") == 1 && first != "base" && target != narrow[inner] &&
            index(target, inner "/") != 1)
            breach(inner "/ includes " target ", expected only base/, " narrow[inner] " and its own")
}

function check_calls(code,    file)
{
    if (code ~ /(^|[^A-Za-z0-9_.>])(system|popen)[ \t]*\(/)
        breach("a shell is started, expected an argument vector and no shell")
    if (folder in outside) return
    for (file in door) {
        if (path == file) continue
        if (code ~ "(^|[^A-Za-z0-9_])(" door[file] ")([^A-Za-z0-9_]|$)" || (file in door_call &&
            code ~ "(^|[^A-Za-z0-9_.>])(" door_call[file] ")[ \t]*\\("))
            breach("expected only in " file ": " code)
    }
}
'
