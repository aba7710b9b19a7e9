#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a classified picture: installs what is missing, builds, runs the bundled models.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/quickstart}

need=""
command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || need="$need gcc libc6-dev"
command -v cmake >/dev/null 2>&1 || need="$need cmake"
command -v make >/dev/null 2>&1 || command -v ninja >/dev/null 2>&1 || need="$need make"
optional=""
if command -v dpkg >/dev/null 2>&1; then
  for package in libpng-dev libjpeg-dev libxnnpack-dev libpthreadpool-dev libcpuinfo-dev; do
    dpkg -s "$package" >/dev/null 2>&1 || optional="$optional $package"
  done
fi
if [ -n "$need$optional" ] && command -v apt-get >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then
    echo "installing:$need$optional"
    export DEBIAN_FRONTEND=noninteractive
    for attempt in 1 2; do # the second time with fresh package lists
      # shellcheck disable=SC2086
      if apt-get install -y -qq --no-install-recommends $need $optional >/dev/null 2>&1; then optional=""; break; fi
      [ "$attempt" = 2 ] || apt-get update -qq >/dev/null 2>&1 || true
    done
    if [ -n "$optional" ]; then # not every release has the optional ones
      # shellcheck disable=SC2086
      [ -z "$need" ] || apt-get install -y -qq --no-install-recommends $need >/dev/null || true
      for package in $optional; do apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "left out: $package"; done
    fi
  else
    echo "To install what is missing, type:"
    echo "  sudo apt-get install -y$need$optional"
    echo "Going on with what is there."
  fi
fi
command -v cmake >/dev/null 2>&1 || { echo "cmake and a C11 compiler are needed" >&2; exit 1; }

generator=""
command -v ninja >/dev/null 2>&1 && generator="-G Ninja"
# shellcheck disable=SC2086
cmake -S "$root" -B "$build" $generator -DCMAKE_BUILD_TYPE=Release -DEDGE_TESTS=OFF -DEDGE_BENCHMARKS=OFF | grep '^-- EdgeRT' || true
cmake --build "$build" --parallel 2 >"$build/build.txt" 2>&1 || { tail -40 "$build/build.txt" >&2; exit 1; }

digits=$root/examples/digits
for form in f32 int8; do
  echo
  echo "== handwritten digits, $form =="
  "$build/examples/classify" "$digits/digits_$form.edge" "$digits/labels.txt" "$digits/sample_0.pgm" "$digits/sample_3.pgm" "$digits/sample_7.pgm"
done
echo
echo "The command:  $build/edgert --help"
echo "Try:          $build/edgert run $digits/digits_int8.onnx --input $digits/sample_3.pgm --labels $digits/labels.txt"
