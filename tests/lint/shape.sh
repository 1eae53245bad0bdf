#!/bin/sh
# shape.sh [ROOT] — sizes and blanks of what we write. ROOT: default this repository.
#
# C: lines, functions and files within the limits below. A function begins in column 0 and ends
# with a brace in column 0. Lua: a script opens with its contract and is short. Everywhere: no
# tabs, no trailing blanks. Tests in bats: no `!` that could not fail. Every breach is a line
# FILE:LINE: found, expected.
set -eu

COLUMNS_MAX=100
FUNCTION_LINES_MAX=100
FILE_LINES_MAX=600
INTERFACE_LINES_MAX=900 # include/pinion.h: one header for all that programs use
SCRIPT_LINES_MAX=60

root=${1:-$(dirname -- "$0")/../..}
cd "$root"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
find . \( -path ./build -o -path './build-*' -o -path ./.git -o -path ./.cache \
    -o -name node_modules \) -prune -o -type f \( -name '*.[ch]' -o -name '*.lua' \
    -o -name '*.sh' -o -name '*.bats' -o -name '*.cmake' -o -name CMakeLists.txt \) -print |
    sed 's|^\./||' | LC_ALL=C sort >"$list"
if [ ! -s "$list" ]; then
    echo "shape.sh: no source file in $root, expected the repository's root" >&2
    exit 1
fi

LC_ALL=C awk -v list="$list" -v columns_max="$COLUMNS_MAX" \
    -v function_lines_max="$FUNCTION_LINES_MAX" -v file_lines_max="$FILE_LINES_MAX" \
    -v interface_lines_max="$INTERFACE_LINES_MAX" \
    -v script_lines_max="$SCRIPT_LINES_MAX" '
BEGIN {
    while ((getline path < list) > 0) {
        check_file()
        count++
    }
    printf "shape.sh: %d files, %d breaches\n", count, breaches
    exit breaches > 0
}

function breach(line_number, what)
{
    printf "%s:%d: %s\n", path, line_number, what
    breaches++
}

function check_file(    line, is_c, is_lua, is_script, lines_max)
{
    is_c = path ~ /\.[ch]$/; is_lua = path ~ /\.lua$/
    is_script = path ~ /^queue\/scripts\/[^\/]*\.lua$/
    number = begun = head = own_lines = 0
    contract = denied = ""; in_contract = 1
    while ((getline line < path) > 0) {
        number++
        check_line(line, is_c || is_lua)
        if (is_c) check_function(line)
        if (path ~ /\.bats$/) check_denial(line)
        if (is_script) read_contract(line)
    }
    close(path)
    if (begun) breach(begun, "a function without closing brace in column 0")
    lines_max = path == "include/pinion.h" ? interface_lines_max : file_lines_max
    if (is_c && number > lines_max)
        breach(number, number " lines, expected at most " lines_max)
    if (is_script) check_script()
}

# Columns are characters: the bytes that continue one in UTF-8 do not count.
function check_line(line, is_measured)
{
    if (line ~ /[ \t\r]$/) breach(number, "trailing blank")
    if (line ~ /\t/) breach(number, "tab, expected blanks")
    gsub(/[\200-\277]/, "", line)
    if (is_measured && length(line) > columns_max)
        breach(number, length(line) " columns, expected at most " columns_max)
}

# The shell leaves a test by no command that begins with `!`, unless it is the last of its function.
function check_denial(line)
{
    if (denied && line !~ /^}/)
        breach(number - 1, "a test goes on whatever this gives, expected ... || return 1")
    denied = line ~ /^[ ]*! / && line !~ /\|\| return 1$/
}

# `head` is the last line that began in column 0 with a word: where a function would begin. One
# that is data (a table, a struct) has `=` or no parenthesis before its brace.
function check_function(line)
{
    sub(/[ \t]*(\/\*.*\*\/|\/\/.*)[ \t]*$/, "", line)
    if (line ~ /^[A-Za-z_]/) { head = number; text = line }
    else text = text line
    if (line ~ /^}/ && begun) {
        if (number - begun + 1 > function_lines_max)
            breach(begun, "a function of " (number - begun + 1) " lines, expected at most " \
                   function_lines_max)
        begun = 0
    } else if (line ~ /^[A-Za-z_{]/ && begun && line !~ /:$/) {
        breach(begun, "a function without closing brace in column 0")
        begun = 0
    }
    if (!begun && opens(line)) begun = head
}

function opens(line)
{
    if (line ~ /^[#}]/ || line !~ /\{$/ || text !~ /\)/ || text ~ /[^=!<>]=[^=]/) return 0
    return line ~ /^\{$/ || line ~ /\)[ \t]*\{$/
}

# The shebang and --@ speak to Redis and to the build: they are not counted.
function read_contract(line)
{
    if (line ~ /^--@/ || (number == 1 && line ~ /^#!/)) return
    own_lines++
    if (line !~ /^--/) in_contract = 0
    if (in_contract) contract = contract line "\n"
}

function check_script(    word, words, i)
{
    if (own_lines > script_lines_max)
        breach(number, "a script of " own_lines " lines, expected at most " script_lines_max)
    split("KEYS ARGV Gives", words, " ")
    for (i = 1; i in words; i++)
        if (contract !~ words[i])
            breach(1, "the opening comment has no " words[i] ", expected KEYS, ARGV and Gives")
}
'
