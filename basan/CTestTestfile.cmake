# CMake generated Testfile for 
# Source directory: /tmp/edge/opsa
# Build directory: /tmp/edge/opsa/basan
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
subdirs("tests")
