# SPDX-License-Identifier: Apache-2.0
# edge_flags: what every EdgeRT target is compiled with. Not exported to users.
add_library(edge_flags INTERFACE)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(edge_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wundef -Wvla -Wwrite-strings -Wno-unused-parameter
    -ffp-contract=off        # integer requantization and references: one rounding per operation, everywhere
    -fno-math-errno -fno-trapping-math)
  # 32-bit systems: files and folders of any size, in tests and tools as in the library
  target_compile_definitions(edge_flags INTERFACE _FILE_OFFSET_BITS=64)
  # 32-bit x86: the x87 unit keeps more digits than the type has, so sums and comparisons would differ from elsewhere
  if(CMAKE_SIZEOF_VOID_P EQUAL 4 AND CMAKE_SYSTEM_PROCESSOR MATCHES "86")
    target_compile_options(edge_flags INTERFACE -msse2 -mfpmath=sse)
  endif()
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
