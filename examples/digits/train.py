#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the bundled handwritten-digit network and write it as ONNX, f32 and int8 (QDQ).

    pip install numpy scikit-learn onnx
    python3 examples/digits/train.py [--out examples/digits]

Data: the 1,797 8x8 digits that come with scikit-learn. 1,437 train the network, 360 are held out. Only NumPy
computes: two 3x3 convolutions, a max pool and a dense layer, trained with Adam. The result is the same on every run.
"""
import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

CHANNELS = (16, 32)


def im2col(x):
    """[N, C, H, W] -> [N, H, W, C * 9] with a border of zeros."""
    n, c, h, w = x.shape
    padded = np.zeros((n, c, h + 2, w + 2), x.dtype)
    padded[:, :, 1:-1, 1:-1] = x
    columns = np.stack([padded[:, :, i:i + h, j:j + w] for i in range(3) for j in range(3)], axis=2)
    return columns.transpose(0, 3, 4, 1, 2).reshape(n, h, w, c * 9)


def col2im(columns, shape):
    n, c, h, w = shape
    columns = columns.reshape(n, h, w, c, 9).transpose(0, 3, 4, 1, 2)
    padded = np.zeros((n, c, h + 2, w + 2), columns.dtype)
    for k in range(9):
        padded[:, :, k // 3:k // 3 + h, k % 3:k % 3 + w] += columns[:, :, k]
    return padded[:, :, 1:-1, 1:-1]


class Network:
    def __init__(self, rng):
        a, b = CHANNELS
        self.p = {
            "w1": rng.normal(0, np.sqrt(2 / 9), (a, 9)), "b1": np.zeros(a),
            "w2": rng.normal(0, np.sqrt(2 / (9 * a)), (b, 9 * a)), "b2": np.zeros(b),
            "w3": rng.normal(0, np.sqrt(1 / (16 * b)), (10, 16 * b)), "b3": np.zeros(10),
        }
        self.p = {k: v.astype(np.float32) for k, v in self.p.items()}

    def forward(self, x):
        p, t = self.p, {"x": x}
        t["c1"] = im2col(x)
        t["a1"] = np.maximum(t["c1"] @ p["w1"].T + p["b1"], 0).transpose(0, 3, 1, 2)
        t["c2"] = im2col(t["a1"])
        t["a2"] = np.maximum(t["c2"] @ p["w2"].T + p["b2"], 0).transpose(0, 3, 1, 2)
        n, c, h, w = t["a2"].shape
        t["windows"] = t["a2"].reshape(n, c, h // 2, 2, w // 2, 2)
        t["pool"] = t["windows"].max(axis=(3, 5))
        t["flat"] = t["pool"].reshape(n, -1)
        t["logits"] = t["flat"] @ p["w3"].T + p["b3"]
        return t

    def gradients(self, t, labels):
        p, g, n = self.p, {}, len(labels)
        e = np.exp(t["logits"] - t["logits"].max(axis=1, keepdims=True))
        d = e / e.sum(axis=1, keepdims=True)
        d[np.arange(n), labels] -= 1
        d /= n
        g["w3"], g["b3"] = d.T @ t["flat"], d.sum(axis=0)
        d = (d @ p["w3"]).reshape(t["pool"].shape)[:, :, :, None, :, None]
        best = t["windows"] == t["pool"][:, :, :, None, :, None]
        d = (best * d / best.sum(axis=(3, 5), keepdims=True)).reshape(t["a2"].shape)
        d = (d * (t["a2"] > 0)).transpose(0, 2, 3, 1)
        g["w2"], g["b2"] = np.tensordot(d, t["c2"], ((0, 1, 2), (0, 1, 2))), d.sum(axis=(0, 1, 2))
        d = col2im(d @ p["w2"], t["a1"].shape)
        d = (d * (t["a1"] > 0)).transpose(0, 2, 3, 1)
        g["w1"], g["b1"] = np.tensordot(d, t["c1"], ((0, 1, 2), (0, 1, 2))), d.sum(axis=(0, 1, 2))
        return g


def train(images, labels, rng, epochs=40, batch=64):
    net = Network(rng)
    moment = {k: np.zeros_like(v) for k, v in net.p.items()}
    second = {k: np.zeros_like(v) for k, v in net.p.items()}
    step = 0
    for epoch in range(epochs):
        rate = 2e-3 * (0.5 + 0.5 * np.cos(np.pi * epoch / epochs))
        order = rng.permutation(len(images))
        for at in range(0, len(order), batch):
            pick = order[at:at + batch]
            # small shifts make the network indifferent to where exactly a digit lies
            x = np.roll(images[pick], tuple(rng.integers(-1, 2, 2)), axis=(2, 3)) if rng.random() < 0.3 else images[pick]
            g = net.gradients(net.forward(x), labels[pick])
            step += 1
            for k in net.p:
                moment[k] = 0.9 * moment[k] + 0.1 * g[k]
                second[k] = 0.999 * second[k] + 0.001 * g[k] ** 2
                net.p[k] -= (rate * (moment[k] / (1 - 0.9 ** step)) / (np.sqrt(second[k] / (1 - 0.999 ** step)) + 1e-8)).astype(np.float32)
    return net


def weights_of(net):
    a, b = CHANNELS
    return {"w1": net.p["w1"].reshape(a, 1, 3, 3), "b1": net.p["b1"], "w2": net.p["w2"].reshape(b, a, 3, 3), "b2": net.p["b2"],
            "w3": net.p["w3"], "b3": net.p["b3"]}


def save(path, nodes, constants):
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="edgert-digits")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def save_f32(path, net):
    node = helper.make_node
    save(path, [
        node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]), node("Relu", ["c1"], ["a1"], "relu1"),
        node("Conv", ["a1", "w2", "b2"], ["c2"], "conv2", pads=[1, 1, 1, 1]), node("Relu", ["c2"], ["a2"], "relu2"),
        node("MaxPool", ["a2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["pool"], ["flat"], "flatten"), node("Gemm", ["flat", "w3", "b3"], ["logits"], "dense", transB=1),
        node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1)], weights_of(net))


def activation_scale(values):
    """u8 over the range seen in calibration."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = np.float32((high - low) / 255)
    return scale, np.uint8(np.clip(round(-low / scale), 0, 255))


def save_int8(path, net, calibration):
    t, w, node = net.forward(calibration), weights_of(net), helper.make_node
    constants, nodes = {}, []

    def qdq(name, scale, zero):
        constants[name + "_scale"], constants[name + "_zero"] = scale, zero
        nodes.append(node("QuantizeLinear", [name, name + "_scale", name + "_zero"], [name + "_q"], name + "_quantize"))
        nodes.append(node("DequantizeLinear", [name + "_q", name + "_scale", name + "_zero"], [name + "_d"], name + "_dequantize"))
        return name + "_d"

    def weight(name, bias, scale_in):
        flat = w[name].reshape(len(w[name]), -1)
        scale = np.maximum(np.abs(flat).max(axis=1) / 127, 1e-8).astype(np.float32)
        q = np.clip(np.rint(flat / scale[:, None]), -127, 127).astype(np.int8).reshape(w[name].shape)
        constants.update({name + "_q": q, name + "_scale": scale, name + "_zero": np.zeros(len(scale), np.int8),
                          bias + "_q": np.rint(w[bias] / (scale * scale_in)).astype(np.int32), bias + "_scale": scale * scale_in,
                          bias + "_zero": np.zeros(len(scale), np.int32)})
        for k in (name, bias):
            nodes.append(node("DequantizeLinear", [k + "_q", k + "_scale", k + "_zero"], [k + "_d"], k + "_dequantize", axis=0))
        return [name + "_d", bias + "_d"]

    scales = {k: activation_scale(v) for k, v in (("image", t["x"]), ("a1", t["a1"]), ("a2", t["a2"]), ("logits", t["logits"]))}
    x = qdq("image", *scales["image"])
    nodes.append(node("Conv", [x] + weight("w1", "b1", scales["image"][0]), ["c1"], "conv1", pads=[1, 1, 1, 1]))
    nodes.append(node("Relu", ["c1"], ["a1"], "relu1"))
    x = qdq("a1", *scales["a1"])
    nodes.append(node("Conv", [x] + weight("w2", "b2", scales["a1"][0]), ["c2"], "conv2", pads=[1, 1, 1, 1]))
    nodes.append(node("Relu", ["c2"], ["a2"], "relu2"))
    x = qdq("a2", *scales["a2"])
    nodes.append(node("MaxPool", [x], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]))
    x = qdq("pool", *scales["a2"])
    nodes.append(node("Flatten", [x], ["flat"], "flatten"))
    x = qdq("flat", *scales["a2"])
    nodes.append(node("Gemm", [x] + weight("w3", "b3", scales["a2"][0]), ["logits"], "dense", transB=1))
    x = qdq("logits", *scales["logits"])
    nodes.append(node("Softmax", [x], ["probabilities"], "softmax", axis=1))
    save(path, nodes, constants)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    out = parser.parse_args().out
    digits = load_digits()
    rng = np.random.default_rng(7)
    order = rng.permutation(len(digits.images))
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    images, labels = (pixels / np.float32(255)).astype(np.float32)[:, None], digits.target
    held, used = order[:360], order[360:]
    net = train(images[used], labels[used], rng)
    accuracy = (net.forward(images[held])["logits"].argmax(axis=1) == labels[held]).mean()
    print(f"held-out accuracy {accuracy:.4f} on {len(held)} images")
    save_f32(out / "digits_f32.onnx", net)
    save_int8(out / "digits_int8.onnx", net, images[used][:512])
    # the held-out part for the test: one byte of label and 64 of pixels each
    np.concatenate([labels[held].astype(np.uint8)[:, None], pixels[held].reshape(-1, 64)], axis=1).tofile(out / "heldout.bin")
    (out / "labels.txt").write_text("".join(f"{w}\n" for w in "zero one two three four five six seven eight nine".split()))
    for digit in (0, 3, 7):
        index = next(i for i in held if labels[i] == digit)
        (out / f"sample_{digit}.pgm").write_bytes(b"P5\n8 8\n255\n" + pixels[index].tobytes())


if __name__ == "__main__":
    main()
