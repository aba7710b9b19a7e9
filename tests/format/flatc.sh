#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Wire compatibility: flatc reads the metadata that we write, and we read what flatc writes from the JSON of it.
# flatc.sh FLATC MAKE_FILES SCHEMA FOLDER
set -eu
flatc=$1 make=$2 schema=$3 folder=$4
rm -rf "$folder"
mkdir -p "$folder/ours" "$folder/json" "$folder/theirs" "$folder/json2"
count=0
for name in $("$make" write "$folder/ours"); do
  "$make" metadata "$folder/ours/$name.edge" "$folder/$name.bin"
  # ours -> JSON
  "$flatc" --json --strict-json --size-prefixed --defaults-json -o "$folder/json" "$schema" -- "$folder/$name.bin"
  # JSON -> theirs, which must load to the same graph
  "$flatc" --binary --size-prefixed -o "$folder/theirs" "$schema" "$folder/json/$name.json"
  theirs="$folder/theirs/$name.edge"
  "$make" join "$theirs" "$folder/ours/$name.edge" "$folder/$name.joined.edge"
  "$make" check "$folder/$name.joined.edge" "$name"
  # theirs -> JSON: the same text
  cp "$theirs" "$folder/theirs/$name.bin"
  "$flatc" --json --strict-json --size-prefixed --defaults-json -o "$folder/json2" "$schema" \
    -- "$folder/theirs/$name.bin"
  cmp "$folder/json/$name.json" "$folder/json2/$name.json"
  count=$((count + 1))
done
test "$count" -ge 4
echo "$count files went through $("$flatc" --version) and back"
