# CMake generated Testfile for 
# Source directory: /tmp/edge/opsa/tests/kernels
# Build directory: /tmp/edge/opsa/basan/tests/kernels
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
add_test([=[kernels.qgemm.ref]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "ref")
set_tests_properties([=[kernels.qgemm.ref]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
add_test([=[kernels.qgemm.avx2]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "avx2")
set_tests_properties([=[kernels.qgemm.avx2]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
add_test([=[kernels.qgemm.avxvnni]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "avxvnni")
set_tests_properties([=[kernels.qgemm.avxvnni]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
add_test([=[kernels.qgemm.avx512]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "avx512")
set_tests_properties([=[kernels.qgemm.avx512]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
add_test([=[kernels.qgemm.avx512vnni]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "avx512vnni")
set_tests_properties([=[kernels.qgemm.avx512vnni]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
add_test([=[kernels.qgemm.avx512vbmi]=] "/tmp/edge/opsa/basan/tests/kernels/kernels_qgemm" "avx512vbmi")
set_tests_properties([=[kernels.qgemm.avx512vbmi]=] PROPERTIES  SKIP_RETURN_CODE "77" _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/kernels/q.cmake;19;add_test;/tmp/edge/opsa/tests/kernels/q.cmake;0;;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;2;include;/tmp/edge/opsa/tests/kernels/CMakeLists.txt;0;")
