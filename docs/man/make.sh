#!/bin/sh
# make.sh PINION FOLDER — the man pages, and what the shells need for completion, into FOLDER.
#
#     *.scd.in    the pages as people wrote them; a line @NAME@ is replaced:
#     @VERBS@     each command with its flags, by what PINION --help says
#     @COMMON@    the flags that all of them have
#     @KEYS@, @SECTIONS@, @FILE@          of docs/configuration.md
#     @ROUTES@, @ERRORS@                  of docs/http.md
#     @HEADER@    include/pinion.h
#
# So no page can lag behind. scdoc renders them; without it only the completion is made.
set -eu

pinion=$1
out=$2
docs=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

COMMON='redis state namespace connect-timeout allow-eviction json color'

# Every command, one a line: "enqueue", "job list".
commands()
{
    for noun in $("$pinion" completion words -- '' | cut -f1); do
        if "$pinion" "$noun" --help | grep -q '^Usage: pinion [a-z]* VERB'; then
            "$pinion" completion words -- "$noun" '' | cut -f1 | sed "s/^/$noun /"
        else
            echo "$noun"
        fi
    done
}

# What awk needs to write scdoc: text with its signs kept from it.
AWK_TEXT='
function plain(s) { gsub(/[\\_*<>`#~^]/, "\\\\&", s); return s }
function raw(s) { gsub(/\\/, "\\\\", s); return s } # of a literal block
function lead(s) { return s ~ /^[-|;.\[\]]/ ? "\\" s : s }
'

# help_page COMMON: one command of which stdin is the help; the flags named in COMMON are left out
# where it has all of them.
help_page()
{
    awk -v common="$1" "$AWK_TEXT"'
function flush_about() {
    if (about != "") print about "\n"
    if (drawn != "") print "```\n" drawn "```\n"
    about = drawn = ""
}
function flush_flag() { if (flag != "") printf "%s\n\t%s\n\n", flag, lead(help); flag = help = "" }
BEGIN { split(common, names, " "); for (i in names) is_common[names[i]] = 1 }
/^Usage: pinion/ { print "## " plain(substr($0, 8)) "\n"; next }
/^       pinion / { flush_about(); print "*or:* " plain(substr($0, 15)) "\n"; next }
/^Example/ { flush_about(); flush_flag(); if (left) print left "\n"; print "```"; example = 1; next }
example { sub(/^  /, ""); print raw($0); next }
/^Flags:/ { flush_about(); next }
/^  (-.,|   ) --/ {
    flush_about(); flush_flag()
    line = $0; sub(/^ +/, "", line)
    gap = match(line, /  +/)
    if (!gap && match(line, /^(-., )?--[^ ]+ [^ ]+ /)) { # no room for a gap
        gap = RLENGTH
        RLENGTH = 1
    }
    name = gap ? substr(line, 1, gap - 1) : line
    help = gap ? plain(substr(line, gap + RLENGTH)) : ""
    word = name; sub(/^.*--/, "", word); arg = word; sub(/[ =].*/, "", word)
    sub(/^[^ ]* ?/, "", arg)
    skip = (word in is_common && !(word == "state" && arg == "STATE")) || word == "help"
    if (skip) { help = ""; flag = ""; next }
    flag = name ~ /^-.,/ ? "*" substr(name, 1, 2) "*, " : ""
    flag = flag "*--" plain(word) "*" (arg != "" ? " " plain(arg) : "")
    next
}
/^ +[^ ]/ && (flag != "" || skip) { sub(/^ +/, ""); if (!skip) help = help (help == "" ? "" : " ") plain($0); next }
/^$/ { flush_about(); next }
/^  / { drawn = drawn raw($0) "\n"; next }
drawn != "" { flush_about() }
{ about = about (about == "" ? "" : "\n") lead(plain($0)) }
END { flush_flag(); if (example) print "```\n" }
'
}

verbs()
{
    commands | while read -r command; do
        # shellcheck disable=SC2086 # words
        "$pinion" $command --help >"$scratch/help"
        common=
        if grep -q -e '--connect-timeout' "$scratch/help" && [ "$command" != serve ]; then
            common=$COMMON
        fi
        help_page "$common" <"$scratch/help" || exit 1
    done
}

# Of a verb that has no flags of its own.
common()
{
    "$pinion" queue show --help | help_page '' | sed '1,/^$/d' | awk '/^\*--/ { on = 1 } /^```/ { exit } on'
}

# Rows of the Markdown table in stdin, their cells parted by tabs, without links and quotes.
rows()
{
    awk '/^\| / && !/^\|[-|]*$/ {
    gsub(/\[/, "\001"); gsub(/\]\(/, "\002") # a link is [text](where)
    while (match($0, /\001[^\001\002]*\002[^)]*\)/)) {
        text = substr($0, RSTART + 1, RLENGTH - 1); sub(/\002.*/, "", text)
        $0 = substr($0, 1, RSTART - 1) text substr($0, RSTART + RLENGTH)
    }
    gsub(/\001/, "["); gsub(/\002/, "](")
    while (sub(/\| \|/, "|  |")) {} # an empty cell
    sub(/^\| /, ""); sub(/ ?\|$/, "")
    gsub(/ \| /, "\t"); print
}'
}

section() # FILE HEADING
{
    awk -v heading="$2" '/^## / { on = $0 == "## " heading; next } on' "$docs/$1"
}

# "`a` and `b`" with a and b in bold.
AWK_CODE="$AWK_TEXT"'
function code(s,    out, parts, n, i) {
    n = split(s, parts, /`/)
    for (i = 1; i <= n; i++) out = out (i % 2 || parts[i] == "" ? plain(parts[i]) : "*" plain(parts[i]) "*")
    return out
}
BEGIN { FS = "\t" }
'

keys()
{
    section configuration.md Keys | rows | awk "$AWK_CODE"'
$1 ~ /^`/ {
    printf "%s\n\t%s", code($1), lead(code($4))
    if ($3 != "") printf "; default: %s", code($3)
    if ($2 != "") printf "; variable: %s", code($2)
    print "\n"
}'
}

sections()
{
    section configuration.md 'The file' | rows | awk "$AWK_CODE"'
$1 ~ /^`\[/ { printf "%s\n\t%s\n\n", code($1), code($2) }'
}

file()
{
    echo '```'
    section configuration.md 'The file' | sed -n '/^```ini/,/^```$/p' | sed '1d;$d' | awk "$AWK_TEXT"'{ print raw($0) }'
    echo '```'
}

routes()
{
    sed '/^## /q' "$docs/http.md" | rows | awk "$AWK_CODE"'
$1 ~ /^`[A-Z]+ \// { printf "%s\n\t%s\n\n", code($1), lead(code($2)) }'
}

errors()
{
    section http.md Errors | rows | awk "$AWK_CODE"'
$1 ~ /^`/ { printf "%s, %s\n\t%s\n\n", code($1), $2, $3 == "" ? "see its message" : lead(code($3)) }'
}

header()
{
    echo '```'
    sed -n '/^struct ev_loop;/,/^#ifdef __cplusplus/p' "$docs/../include/pinion.h" | sed '$d' |
        awk "$AWK_TEXT"'{ print raw($0) }'
    echo '```'
}

fill() # PAGE.scd.in
{
    version=$("$pinion" --version | cut -d' ' -f2)
    while IFS= read -r line; do
        case $line in
        @VERBS@) verbs ;;
        @COMMON@) common ;;
        @KEYS@) keys ;;
        @SECTIONS@) sections ;;
        @FILE@) file ;;
        @ROUTES@) routes ;;
        @ERRORS@) errors ;;
        @HEADER@) header ;;
        *) printf '%s\n' "$line" | sed "s/@VERSION@/$version/" ;;
        esac
    done <"$1"
}

"$pinion" completion bash >"$out/pinion.bash"
"$pinion" completion zsh >"$out/_pinion"
if command -v scdoc >/dev/null; then
    for page in "$docs"/man/*.scd.in; do
        name=$(basename "$page" .scd.in)
        fill "$page" >"$scratch/filled"
        cat -s "$scratch/filled" >"$scratch/page"
        scdoc <"$scratch/page" >"$scratch/man" ||
            { echo "make.sh: scdoc does not take $name" >&2; exit 1; }
        mv "$scratch/man" "$out/$name"
    done
fi
