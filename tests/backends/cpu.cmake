# SPDX-License-Identifier: Apache-2.0
# Operators of the CPU backend, one test for each ISA cap: 8-bit ones against the reference evaluation, attention,
# recurrent cells and fast-math against double precision, fused networks against their parts, 8-bit ones bit for bit.
if(EDGE_KERNEL_ARCH STREQUAL "x86")
  set(caps scalar avx2 avxvnni avx512 avx512vnni avx512bf16)
elseif(EDGE_KERNEL_ARCH STREQUAL "arm")
  set(caps neon dotprod i8mm)
else()
  set(caps scalar)
endif()
foreach(name IN ITEMS cpu_q cpu_qfuse cpu_attention cpu_fuse cpu_fast cpu_recurrent)
  add_executable(backends_${name} test_${name}.c)
  target_include_directories(backends_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(backends_${name} PRIVATE edgert m edge_flags)
  foreach(cap IN LISTS caps)
    add_test(NAME backends.${name}.${cap} COMMAND backends_${name} ${cap})
    set_tests_properties(backends.${name}.${cap} PROPERTIES SKIP_RETURN_CODE 77)
  endforeach()
endforeach()
