# What `cmake --install` puts where: the command, pinion.h, libpinion, and how programs find it:
#     pkg-config --cflags --libs pinion          (--static for libpinion.a)
#     find_package(pinion); target_link_libraries(mine pinion::pinion)
# In the package of the command, unless a line says COMPONENT dev.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME pinion)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pinion)

install(TARGETS pinion RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libpinion_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(TARGETS libpinion_shared EXPORT pinion LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  COMPONENT dev)
install(FILES include/pinion.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

list(JOIN PINION_PKG_NAMES " " PINION_REQUIRES)
configure_file(cmake/pinion.pc.in pinion.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pinion.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT dev)

set_target_properties(libpinion_shared PROPERTIES EXPORT_NAME pinion)
target_include_directories(libpinion_shared INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(EXPORT pinion NAMESPACE pinion:: DESTINATION ${config_dir} FILE pinion-config.cmake
  COMPONENT dev)
write_basic_package_version_file(pinion-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pinion-config-version.cmake DESTINATION ${config_dir}
  COMPONENT dev)

# The service: its unit, its configuration (kept if it is there), examples for those who watch it.
configure_file(packaging/pinion.service.in pinion.service @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pinion.service DESTINATION lib/systemd/system)
install(FILES packaging/pinion.ini DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/pinion)
install(DIRECTORY docs/monitoring DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES LICENSE DESTINATION share/doc/libpinion-dev RENAME copyright COMPONENT dev)
