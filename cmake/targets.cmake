# pinion_folder(NAME SOURCES... [LINK libs...]): the static library of one folder.
function(pinion_folder name)
  cmake_parse_arguments(F "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${F_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${F_LINK})
endfunction()

# pinion_public_library(FOLDERS...): libpinion, static and shared, from the same objects.
function(pinion_public_library)
  set(objects "")
  foreach(folder ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:${folder}>)
  endforeach()
  if(NOT LLHTTP_FOUND)
    list(APPEND objects $<TARGET_OBJECTS:llhttp>) # built from the distribution's sources
  endif()
  foreach(kind STATIC SHARED)
    string(TOLOWER libpinion_${kind} target)
    add_library(${target} ${kind} ${objects})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME pinion LINKER_LANGUAGE C
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
      ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  endforeach()
  target_link_libraries(libpinion_static PUBLIC ${PINION_LIBRARIES})
  target_link_libraries(libpinion_shared PRIVATE ${PINION_LIBRARIES})
  target_link_options(libpinion_shared PRIVATE
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/pinion.map)
  set_property(TARGET libpinion_shared PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/pinion.map)
endfunction()

# pinion_unit_test(NAME LINK libs...): tests/<dir>/test_NAME.c, one cmocka program, one ctest entry.
# The program's own objects come first, so a test may define clock.h, random.h or link.h itself.
function(pinion_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "LINK;SOURCES" ${ARGN})
  add_executable(test_${name} test_${name}.c ${T_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${T_LINK} PkgConfig::CMOCKA)
  add_test(NAME ${T_LABEL}.${name} COMMAND test_${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  set_tests_properties(${T_LABEL}.${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "PINION_BINARY=$<TARGET_FILE:pinion>")
endfunction()
