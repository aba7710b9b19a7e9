# SPDX-License-Identifier: Apache-2.0
# cmake --install: libraries, headers, the command, the CMake package and the pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/edge DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
set(installed edgert)
if(TARGET edgert_shared)
  list(APPEND installed edgert_shared)
endif()
install(TARGETS ${installed} EXPORT EdgeRTTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET edgert-cli)
  install(TARGETS edgert-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# ---- CMake package
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/EdgeRT)
install(EXPORT EdgeRTTargets NAMESPACE EdgeRT:: DESTINATION ${package_dir})
set(EDGE_PACKAGE_DEPENDENCIES "")
if(EDGE_PORT STREQUAL posix)
  string(APPEND EDGE_PACKAGE_DEPENDENCIES "find_dependency(Threads)\n")
endif()
set(private_libs "")
foreach(name IN ITEMS xnnpack pthreadpool cpuinfo)
  string(TOUPPER ${name} upper)
  if(EDGE_HAVE_${upper})
    get_filename_component(folder ${EDGE_${upper}_LIBRARY} DIRECTORY)
    get_filename_component(file ${EDGE_${upper}_LIBRARY} NAME_WE)
    string(REGEX REPLACE "^lib" "" file ${file})
    string(APPEND EDGE_PACKAGE_DEPENDENCIES "edgert_dependency(${name} ${file} \"${folder}\")\n")
    if(NOT folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
      string(APPEND private_libs " -L${folder}")
    endif()
    string(APPEND private_libs " -l${file}")
  endif()
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/EdgeRTConfig.cmake.in ${PROJECT_BINARY_DIR}/EdgeRTConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/EdgeRTConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/EdgeRTConfig.cmake ${PROJECT_BINARY_DIR}/EdgeRTConfigVersion.cmake
  DESTINATION ${package_dir})

# ---- pkg-config. The prefix follows the file, so that an installed tree can be moved.
if(EDGE_PORT STREQUAL posix)
  string(APPEND private_libs " -lpthread -lm -ldl")
endif()
string(STRIP "${private_libs}" EDGE_PC_PRIVATE)
file(RELATIVE_PATH EDGE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" EDGE_PC_PREFIX "${EDGE_PC_PREFIX}")
set(EDGE_PC_LIBDIR ${CMAKE_INSTALL_LIBDIR})
set(EDGE_PC_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(EDGE_PC_PREFIX "../..")
  set(EDGE_PC_LIBDIR "..")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/edgert.pc.in ${PROJECT_BINARY_DIR}/edgert.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/edgert.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
