# Run by CPack before it makes the packages: what is installed into /usr/etc belongs into /etc. An
# absolute destination would do so too, but for every `cmake --install --prefix DIR` as well.
file(GLOB found ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/etc)
foreach(etc ${found})
  string(REPLACE "/usr/etc" "/etc" to ${etc})
  file(RENAME ${etc} ${to})
endforeach()
