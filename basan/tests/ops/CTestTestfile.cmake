# CMake generated Testfile for 
# Source directory: /tmp/edge/opsa/tests/ops
# Build directory: /tmp/edge/opsa/basan/tests/ops
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
add_test([=[op_Conv]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "Conv")
set_tests_properties([=[op_Conv]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_FullyConnected]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "FullyConnected")
set_tests_properties([=[op_FullyConnected]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_MatMul]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "MatMul")
set_tests_properties([=[op_MatMul]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_MaxPool]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "MaxPool")
set_tests_properties([=[op_MaxPool]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_AveragePool]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "AveragePool")
set_tests_properties([=[op_AveragePool]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_Softmax]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "Softmax")
set_tests_properties([=[op_Softmax]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[op_LogSoftmax]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "LogSoftmax")
set_tests_properties([=[op_LogSoftmax]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;13;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
add_test([=[ops_table]=] "/tmp/edge/opsa/basan/tests/ops/ops_test" "--table")
set_tests_properties([=[ops_table]=] PROPERTIES  _BACKTRACE_TRIPLES "/tmp/edge/opsa/tests/ops/CMakeLists.txt;15;add_test;/tmp/edge/opsa/tests/ops/CMakeLists.txt;0;")
