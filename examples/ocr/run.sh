#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Read the text of a picture: run.sh [PICTURE [OUT.png]]. Fetches the Python package that carries the networks, converts
# them to .edge, and without a picture draws a menu to read.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
build=${BUILD_DIR:-$root/build/quickstart}
work=${WORK_DIR:-$root/build/ocr}
if [ ! -x "$build/edgert" ] || [ ! -x "$build/examples/ocr" ]; then
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release > /dev/null
  cmake --build "$build" --parallel --target edgert-cli example_ocr > /dev/null
fi
mkdir -p "$work"
if [ ! -x "$work/venv/bin/python" ]; then python3 -m venv "$work/venv"; fi
python=$work/venv/bin/python
"$python" -c 'import PIL, importlib.util as u; assert u.find_spec("rapidocr_onnxruntime")' 2> /dev/null || {
  "$python" -m pip install -q pillow
  "$python" -m pip install -q --no-deps rapidocr-onnxruntime==1.4.4
}
models=$("$python" -c 'import importlib.util as u; print(u.find_spec("rapidocr_onnxruntime").submodule_search_locations[0])')/models
for pair in ch_PP-OCRv4_det_infer:detect ch_ppocr_mobile_v2.0_cls_infer:classify ch_PP-OCRv4_rec_infer:recognise; do
  edge=$work/${pair##*:}.edge
  [ -e "$edge" ] || "$build/edgert" convert "$models/${pair%%:*}.onnx" -o "$edge"
done
picture=${1:-}
if [ -z "$picture" ]; then
  picture=$work/menu.png
  "$python" "$here/draw.py" "$picture"
fi
out=${2:-$work/read.png}
"$build/examples/ocr" "$work/detect.edge" "$work/classify.edge" "$work/recognise.edge" "$picture" "$out"
echo "boxes: $out"
