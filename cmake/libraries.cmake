# Everything comes from the distribution's packages; ./setup installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl) # for a server in the tests
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

find_path(EV_INCLUDE ev.h REQUIRED)
find_library(EV_LIBRARY ev REQUIRED)
add_library(ev INTERFACE)
target_include_directories(ev SYSTEM INTERFACE ${EV_INCLUDE})
target_link_libraries(ev INTERFACE ${EV_LIBRARY} m)
# libev's ev_set_* macros type-pun through ev_watcher on purpose.
target_compile_options(ev INTERFACE -Wno-strict-aliasing)

# Frames of WebSockets. Debian 12's package has no .pc file.
find_path(WSLAY_INCLUDE wslay/wslay.h REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)
add_library(wslay INTERFACE)
target_include_directories(wslay SYSTEM INTERFACE ${WSLAY_INCLUDE})
target_link_libraries(wslay INTERFACE ${WSLAY_LIBRARY})

# Loaded when a webhook or a certificate is named, or a client takes gzip (workers/web_libs.h,
# control/http/tls_lib.h, control/http/gzip.c), so only their headers are needed here.
pkg_check_modules(CURL REQUIRED libcurl>=7.87)
pkg_check_modules(CRYPTO REQUIRED libcrypto libssl)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
add_library(web_headers INTERFACE)
target_include_directories(web_headers SYSTEM INTERFACE ${CURL_INCLUDE_DIRS} ${CRYPTO_INCLUDE_DIRS}
  ${ZLIB_INCLUDE_DIRS})

# Embedded with the dashboard: Chart.js 3, and each file also gzipped where there is a gzip.
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js REQUIRED NO_DEFAULT_PATH)
find_program(GZIP_PROGRAM gzip)
if(NOT GZIP_PROGRAM)
  set(GZIP_PROGRAM "")
endif()

# llhttp: a library with a .pc file on newer systems; on Debian 12 the C sources of node-llhttp.
pkg_check_modules(LLHTTP QUIET IMPORTED_TARGET libllhttp)
if(LLHTTP_FOUND)
  add_library(llhttp INTERFACE)
  target_link_libraries(llhttp INTERFACE PkgConfig::LLHTTP)
else()
  find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp REQUIRED NO_DEFAULT_PATH)
  find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp /usr/include REQUIRED NO_DEFAULT_PATH)
  add_library(llhttp OBJECT ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c ${LLHTTP_SOURCE}/llhttp.c)
  target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
  target_compile_options(llhttp PRIVATE -w)
endif()

set(PINION_PKG_NAMES hiredis jansson inih) # what libpinion.a needs, by pkg-config
set(PINION_LIBRARIES PkgConfig::HIREDIS PkgConfig::JANSSON PkgConfig::INIH ev wslay
  Threads::Threads ${CMAKE_DL_LIBS})
if(LLHTTP_FOUND)
  list(APPEND PINION_LIBRARIES PkgConfig::LLHTTP)
  list(APPEND PINION_PKG_NAMES libllhttp)
endif()
