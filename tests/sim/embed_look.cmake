# Writes look.lua as one C string. cmake -DLUA=file -DOUT=file.c -P embed_look.cmake
file(READ ${LUA} text)
string(REGEX REPLACE "\n *--[^\n]*" "" text "\n${text}")
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE ${OUT} "/* Made from tests/sim/look.lua. */\n#include \"tests/sim/store.h\"\n\n"
  "const char *const look_script =\n    \"${text}\";\n")
