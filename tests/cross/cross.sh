#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cross.sh KIND SOURCE WORK: builds the minimal profile with a cross compiler. Exit 77: no such compiler here.
set -eu
kind=$1 source=$2 work=$3/$1
here=$source/tests/cross

skip() { echo "skipped: $1"; exit 77; }
configure() {
  mkdir -p "$work"
  cmake -S "$source" -B "$work" -DEDGE_MINIMAL=ON -DCMAKE_BUILD_TYPE=MinSizeRel \
    -DCMAKE_C_COMPILER_LAUNCHER="${EDGE_LAUNCHER:-}" "$@" > "$work/configure.log" 2>&1 ||
    { cat "$work/configure.log"; exit 1; }
  cmake --build "$work" --parallel 2 > "$work/build.log" 2>&1 || { tail -n 60 "$work/build.log"; exit 1; }
}

# Undefined symbols of an object or library that are not allowed.
check_symbols() {
  sed '/^#/d' "$here/allowed.txt" | tr ' ' '\n' | sed '/^$/d' | sort -u > "$work/allowed"
  sort -u "$work/needed" > "$work/needed.sorted"
  comm -23 "$work/needed.sorted" "$work/allowed" > "$work/forbidden"
  if [ -s "$work/forbidden" ]; then
    echo "needs, and should not:"
    cat "$work/forbidden"
    exit 1
  fi
  echo "needs only: $(tr '\n' ' ' < "$work/needed.sorted")"
}

case $kind in
bare)
  command -v arm-none-eabi-gcc > /dev/null || skip "no arm-none-eabi-gcc"
  configure -DCMAKE_TOOLCHAIN_FILE="$source/cmake/toolchains/arm-none-eabi.cmake"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -std=c11 -Os -I"$source/include" -c "$here/bare_app.c" -o "$work/bare_app.o"
  # Without any library but the compiler's: what is still missing is what the target must bring.
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -Wl,--gc-sections -Wl,-e,main -Wl,--warn-unresolved-symbols \
    "$work/bare_app.o" "$work/libedgert.a" -lgcc -o "$work/bare_app.elf" 2> "$work/link.log" ||
    { cat "$work/link.log"; exit 1; }
  sed -n "s/.*undefined reference to \`\(.*\)'.*/\1/p" "$work/link.log" > "$work/needed"
  check_symbols
  arm-none-eabi-size "$work/bare_app.elf" ;;
mingw)
  command -v x86_64-w64-mingw32-gcc > /dev/null || skip "no x86_64-w64-mingw32-gcc"
  configure -DCMAKE_TOOLCHAIN_FILE="$source/cmake/toolchains/mingw-w64.cmake" -DEDGE_SHARED_LIB=ON
  for library in libedgert.a libedgert.dll.a; do
    x86_64-w64-mingw32-gcc -std=c11 -Wall -Wextra -Werror -I"$source/include" "$source/tests/api/consumers/app.c" \
      "$work/$library" -o "$work/app_${library#libedgert.}.exe" -lm
  done
  x86_64-w64-mingw32-objdump -p "$work/libedgert.dll" | sed -n 's/^.*\(edge_[a-z0-9_]*\)$/\1/p' | sort -u \
    > "$work/exported"
  grep '^edge_' "$source/src/api/exports.txt" | cmp - "$work/exported"
  echo "the DLL exports what exports.txt lists" ;;
host)
  configure
  ls -l "$work/libedgert.a"
  for extra in edgert libedgert.so; do
    if [ -e "$work/$extra" ]; then echo "the minimal profile built $extra"; exit 1; fi
  done ;;
*) echo "unknown kind $kind"; exit 1 ;;
esac
