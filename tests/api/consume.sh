#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Uses EdgeRT as strangers do: consume.sh KIND SOURCE BUILD MODEL. `install` puts the build into BUILD/consumers/prefix,
# the other kinds build and run a program outside the tree against it. Exit 77: cannot be tested here.
set -eu
kind=$1 source=$2 build=$3 model=$4
work=$build/consumers
prefix=$work/prefix
consumers=$work/src   # a copy: the consumer must not see the source tree around it
model_copy=$work/model.edge

skip() { echo "skipped: $1"; exit 77; }
need() { command -v "$1" > /dev/null || skip "no $1"; }

libdir() { dirname "$(find "$prefix" -name edgert.pc)" | sed 's,/pkgconfig$,,'; }

case $kind in
install)
  rm -rf "$work"
  mkdir -p "$work"
  cmake --install "$build" --prefix "$work/first" > /dev/null
  mv "$work/first" "$prefix"   # an installed tree can be moved
  cp -r "$source/tests/api/consumers" "$consumers"
  if [ -n "$model" ]; then
    cp "$model" "$model_copy"
  elif [ -x "$build/tests/format/format_make_files" ]; then   # a sample of the format's tests does as well
    mkdir "$work/samples"
    "$build/tests/format/format_make_files" write "$work/samples"
    cp "$work/samples/dense.edge" "$model_copy"
  fi
  find "$prefix" -type f | sed "s,$prefix/,," | sort
  test -f "$prefix/include/edge/edge.h"
  test -n "$(libdir)"
  exit 0 ;;
esac
[ -d "$prefix" ] || { echo "nothing installed"; exit 1; }
[ -f "$model_copy" ] || skip "no model in the tree to run"

case $kind in
find_package)
  need c++
  rm -rf "$work/fp"
  cmake -S "$consumers/find_package" -B "$work/fp" -DCMAKE_PREFIX_PATH="$prefix" -DMODEL="$model_copy" \
    -DCMAKE_BUILD_TYPE=Release > "$work/fp.log" || { cat "$work/fp.log"; exit 1; }
  cmake --build "$work/fp"
  (cd "$work/fp" && ctest --output-on-failure) ;;
pkgconfig)
  need pkg-config
  PKG_CONFIG_PATH=$(libdir)/pkgconfig
  export PKG_CONFIG_PATH
  pkg-config --exact-version=0.1.0 edgert
  cc=${CC:-cc}
  $cc -std=c99 -Wall -Wextra -Werror "$consumers/app.c" -o "$work/pc_shared" $(pkg-config --cflags --libs edgert) -lm
  LD_LIBRARY_PATH=$(libdir) "$work/pc_shared" "$model_copy"
  # the static library: the archive by its path, the rest as the file says
  static=$(pkg-config --static --libs edgert | sed "s,-ledgert,$(libdir)/libedgert.a,")
  flags=$(pkg-config --cflags edgert)
  # shellcheck disable=SC2086
  $cc -std=c11 -Wall -Wextra -Werror "$consumers/app.c" -o "$work/pc_static" $flags $static -lm
  "$work/pc_static" "$model_copy" ;;
subdirectory)
  rm -rf "$work/sub"
  cmake -S "$consumers/subdirectory" -B "$work/sub" -DEDGERT_SOURCE="$source" -DMODEL="$model_copy" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER_LAUNCHER="${EDGE_LAUNCHER:-}" > "$work/sub.log" ||
    { cat "$work/sub.log"; exit 1; }
  cmake --build "$work/sub" --parallel 2
  (cd "$work/sub" && ctest --output-on-failure) ;;
python)
  need python3
  library=$(find "$prefix" -name 'libedgert.so' | head -n 1)
  [ -n "$library" ] || skip "no shared library"
  python3 "$consumers/app.py" "$library" "$model_copy" ;;
command)
  tool=$prefix/bin/edgert
  [ -x "$tool" ] || skip "no command installed"
  "$tool" run "$model_copy" ;;
*) echo "unknown kind $kind"; exit 1 ;;
esac
