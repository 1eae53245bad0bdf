# Two packages for Debian and Ubuntu: `cmake --build --preset release --target package`.
#     pinion          the command, its unit, /etc/pinion/pinion.ini
#     libpinion-dev   pinion.h and libpinion, static and shared, for programs of one's own
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The Pinion authors <pinion@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Task queue and timer scheduler")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL pinion dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_COMPONENT_PINION_DESCRIPTION
  "Runs commands, webhooks and C callbacks as durable jobs, now, later or by cron,\nand is steered from a terminal, a program or a browser.")
set(CPACK_DEBIAN_PINION_PACKAGE_NAME pinion)
set(CPACK_DEBIAN_PINION_PACKAGE_SECTION admin)
# What no linker sees: the private Redis, zones, and what is loaded when the first webhook,
# certificate or coroutine's fetch asks for it.
set(CPACK_DEBIAN_PINION_PACKAGE_DEPENDS "redis-server (>= 5:7.0) | valkey-server, tzdata, libssl3 | libssl3t64")
set(CPACK_DEBIAN_PINION_PACKAGE_RECOMMENDS "libcurl4 | libcurl4t64, zlib1g")
set(CPACK_DEBIAN_PINION_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/packaging/debian/postinst;${PROJECT_SOURCE_DIR}/packaging/debian/prerm;${PROJECT_SOURCE_DIR}/packaging/debian/postrm;${PROJECT_SOURCE_DIR}/packaging/debian/conffiles")

set(CPACK_COMPONENT_DEV_DESCRIPTION
  "pinion.h and libpinion: clients, handlers, timers and routes of one's own,\non a libev loop.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libpinion-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libev-dev")
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_etc.cmake)
include(CPack)
