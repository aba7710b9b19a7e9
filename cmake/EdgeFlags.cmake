# SPDX-License-Identifier: Apache-2.0
# edge_flags: what every EdgeRT target is compiled with. Not exported to users.
add_library(edge_flags INTERFACE)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(edge_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wundef -Wvla -Wwrite-strings -Wno-unused-parameter
    -ffp-contract=off        # integer requantization and references: one rounding per operation, everywhere
    -fno-math-errno -fno-trapping-math)
  if(EDGE_WERROR)
    target_compile_options(edge_flags INTERFACE -Werror)
  endif()
  if(EDGE_SANITIZE)
    target_compile_options(edge_flags INTERFACE -fsanitize=${EDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(edge_flags INTERFACE -fsanitize=${EDGE_SANITIZE})
    link_libraries(-fsanitize=${EDGE_SANITIZE})
  endif()
  if(EDGE_COVERAGE)
    target_compile_options(edge_flags INTERFACE --coverage -O0 -g)
    link_libraries(--coverage)
  endif()
  if(EDGE_MINIMAL)
    target_compile_options(edge_flags INTERFACE -ffunction-sections -fdata-sections)
  endif()
  # -Wconversion where numbers come from a file
  file(GLOB strict_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/format/*.c ${PROJECT_SOURCE_DIR}/src/base/checked*.c)
  set_source_files_properties(${strict_sources} PROPERTIES COMPILE_OPTIONS "-Wconversion;-Wsign-conversion")
endif()
