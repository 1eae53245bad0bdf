#!/bin/sh
# interface.sh HEADER LIBRARY — what programs are built against: every function that LIBRARY shows,
# and of HEADER the size of every struct and the value of every name of an enum.
#
# A change of this list is a change of the interface: a new line is fine, any other breaks programs
# that are built already, and needs a new PROJECT_VERSION_MAJOR (before 1: MINOR).
set -eu

header=$1
library=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
    printf '#include "%s"\n#include <stdio.h>\nint main(void)\n{\n' "$header"
    awk '
        /^struct [a-z_]+ \{/ {
            printf "    printf(\"struct %s %%zu\\n\", sizeof(struct %s));\n", $2, $2
        }
        /^enum [a-z_]+ \{/ { inside = 1; sub(/^[^{]*\{/, "") }
        inside {
            ends = /\}/
            line = $0
            gsub(/\/\*.*|\}.*|^ \*.*/, "", line)
            count = split(line, names, /[ ,]+/)
            for (i = 1; i <= count; i++)
                if (names[i] ~ /^PINION_[A-Z_]+$/)
                    printf "    printf(\"%s %%d\\n\", (int)%s);\n", names[i], names[i]
            if (ends) inside = 0
        }' "$header"
    printf '    return 0;\n}\n'
} >"$work/layout.c"
"${CC:-cc}" -o "$work/layout" "$work/layout.c"
"$work/layout"
nm -D --defined-only "$library" | awk '{ print $3 "()" }' | LC_ALL=C sort
