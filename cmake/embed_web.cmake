# Writes the dashboard's files as one C table: name, type, hash, bytes, and the bytes gzipped.
# cmake -DOUT=file.c -DWEB=dir -DCHART=chart.min.js -DOPENAPI=file.json [-DGZIP=program] -P embed_web.cmake
# Without a gzip they are served as they are.
file(GLOB files ${WEB}/*.html ${WEB}/*.css ${WEB}/*.js ${WEB}/*.svg)
list(SORT files)
list(APPEND files ${CHART} ${OPENAPI})
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_json "application/json")
set(arrays "")
set(rows "")
set(number 0)

# An array of the file's bytes, twenty a line.
function(bytes_of path array ret)
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(REPEAT "." 100 line)
  string(REGEX REPLACE "(${line})" "\\1\n" hex "${hex}")
  set(${ret} "static const unsigned char ${array}[] = {\n${hex}};\n" PARENT_SCOPE)
endfunction()

foreach(path IN LISTS files)
  get_filename_component(name ${path} NAME)
  get_filename_component(ending ${path} LAST_EXT)
  string(SUBSTRING ${ending} 1 -1 ending)
  if(path STREQUAL CHART)
    set(name chart.js)
  endif()
  file(SHA256 ${path} hash)
  string(SUBSTRING ${hash} 0 20 hash)
  bytes_of(${path} plain_${number} text)
  string(APPEND arrays "${text}")
  set(gzip "NULL, 0")
  if(GZIP)
    execute_process(COMMAND ${GZIP} -9nc ${path} OUTPUT_FILE ${OUT}.gz RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "${GZIP} ${path}: ${failed}")
    endif()
    bytes_of(${OUT}.gz gzip_${number} text)
    string(APPEND arrays "${text}")
    set(gzip "gzip_${number}, sizeof gzip_${number}")
  endif()
  string(APPEND rows "    {\"${name}\", \"${type_${ending}}\", \"${hash}\",\n"
    "     plain_${number}, sizeof plain_${number}, ${gzip}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(REMOVE ${OUT}.gz)
file(WRITE ${OUT} "/* Made from control/web by cmake/embed_web.cmake. */\n"
  "#include \"control/api/web.h\"\n\n${arrays}\nconst struct web_file web_files[] = {\n${rows}};\n"
  "const size_t web_files_count = ${number};\n")
