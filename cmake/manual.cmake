# The man pages and what the shells complete by, made by the program itself: docs/man/make.sh.
# Without scdoc there are no pages; a program that cannot run here says nothing of itself.
if(CMAKE_CROSSCOMPILING)
  return()
endif()

find_program(SCDOC scdoc)
set(manual ${PROJECT_BINARY_DIR}/manual)
set(made ${manual}/pinion.bash ${manual}/_pinion)
if(SCDOC)
  list(APPEND made ${manual}/pinion.1 ${manual}/pinion.conf.5 ${manual}/pinion-api.7
    ${manual}/pinion.3)
else()
  message(STATUS "no scdoc: no man pages")
endif()

file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*)
add_custom_command(OUTPUT ${made}
  COMMAND ${PROJECT_SOURCE_DIR}/docs/man/make.sh $<TARGET_FILE:pinion> ${manual}
  DEPENDS pinion ${pages} ${PROJECT_SOURCE_DIR}/docs/configuration.md
    ${PROJECT_SOURCE_DIR}/docs/http.md ${PROJECT_SOURCE_DIR}/include/pinion.h)
add_custom_target(manual ALL DEPENDS ${made})

# OPTIONAL: where somebody builds and installs less than all.
install(FILES ${manual}/pinion.bash DESTINATION share/bash-completion/completions
  RENAME pinion OPTIONAL)
install(FILES ${manual}/_pinion DESTINATION share/zsh/site-functions OPTIONAL)
if(SCDOC)
  install(FILES ${manual}/pinion.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
  install(FILES ${manual}/pinion.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 OPTIONAL)
  install(FILES ${manual}/pinion-api.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 OPTIONAL)
  install(FILES ${manual}/pinion.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT dev
    OPTIONAL)
endif()
