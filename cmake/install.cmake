# What `cmake --install` puts where: the command, pinion.h, libpinion, and how programs find it:
#     pkg-config --cflags --libs pinion          (--static for libpinion.a)
#     find_package(pinion); target_link_libraries(mine pinion::pinion)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pinion)

install(TARGETS pinion RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libpinion_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS libpinion_shared EXPORT pinion LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/pinion.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

list(JOIN PINION_PKG_NAMES " " PINION_REQUIRES)
configure_file(cmake/pinion.pc.in pinion.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pinion.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set_target_properties(libpinion_shared PROPERTIES EXPORT_NAME pinion)
target_include_directories(libpinion_shared INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(EXPORT pinion NAMESPACE pinion:: DESTINATION ${config_dir} FILE pinion-config.cmake)
write_basic_package_version_file(pinion-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pinion-config-version.cmake DESTINATION ${config_dir})
