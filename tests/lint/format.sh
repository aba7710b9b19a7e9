#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format.sh SOURCE FOLDER [--fix]: C files of a folder are as clang-format 14 writes them; tables (*.def) keep their
# columns. --fix rewrites what differs.
set -eu
cd "$1"
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "skipped: no clang-format"; exit 77; }
case $("$tool" --version) in
*'version 14.'*) ;;
*) echo "skipped: $("$tool" --version) is not version 14, and formats differently"; exit 77 ;;
esac
find "$2" \( -name '*.[ch]' -o -name '*.inl' \) -print > "${TMPDIR:-/tmp}/edge_format.$$"
trap 'rm -f "${TMPDIR:-/tmp}/edge_format.$$"' EXIT
bad=0
while IFS= read -r file; do
  "$tool" --dry-run -Werror "$file" 2> /dev/null && continue
  if [ "${3:-}" = --fix ]; then
    "$tool" -i "$file"
  else
    echo "$file: clang-format would change it"
    bad=1
  fi
done < "${TMPDIR:-/tmp}/edge_format.$$"
exit $bad
