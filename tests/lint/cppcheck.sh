#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cppcheck.sh SOURCE BUILD: static analysis of src/. The checks left out guess values across branches and are wrong here
# more often than right; the sanitizers and the compilers' own warnings decide those.
set -eu
command -v cppcheck > /dev/null || { echo "skipped: no cppcheck"; exit 77; }
mkdir -p "$2/cppcheck"
exec cppcheck --quiet --std=c11 --language=c --enable=warning,portability --inline-suppr --error-exitcode=1 -j 2 \
  --cppcheck-build-dir="$2/cppcheck" --suppress=missingInclude --suppress=missingIncludeSystem \
  --suppress='*:*.inl' --suppress=unusedFunction --suppress=uninitvar --suppress=ctuuninitvar --suppress=nullPointer \
  --suppress=nullPointerRedundantCheck --suppress=zerodivcond --suppress=invalidFunctionArg \
  --suppress=arrayIndexThenCheck --suppress=negativeIndex -I "$1/include" -I "$1" -D__x86_64__ -D__GNUC__=12 -D__linux__ "$1/src"
