#!/bin/sh
# web.sh [ROOT] — the dashboard makes no HTML or code of text, and loads nothing from elsewhere.
#
# The service's policy forbids the same to the browser; this says it before anybody opens one.
# Every breach is a line FILE:LINE: what was found.
set -eu

LINES_MAX=350

root=${1:-$(dirname -- "$0")/../..}
cd "$root/control/web"

status=0
# The only address that may stand there names SVG, and nobody calls it.
if grep -HnE 'innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment|DOMParser' \
    -- * ||
    grep -HnE 'document\.write|(^|[^A-Za-z])eval\(|new Function|javascript:|cssText|import\(' -- * ||
    grep -HnE '[[:space:]](style|on[a-z]+)="' -- *.html ||
    grep -HnE '<(script|style)[^>]*>[^<]' -- *.html ||
    grep -HnE '(https?:)?//[a-z0-9]+\.[a-z]' -- * | grep -v 'http://www.w3.org/2000/svg'; then
    echo "web.sh: expected text only, and nothing from elsewhere"
    status=1
fi
for file in *; do
    lines=$(wc -l <"$file")
    [ "$lines" -le "$LINES_MAX" ] && continue
    echo "$file:$lines: $lines lines, expected at most $LINES_MAX"
    status=1
done
exit "$status"
