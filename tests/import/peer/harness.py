# SPDX-License-Identifier: Apache-2.0
"""Models made in a few lines, run by the command and by ONNX Runtime; answers must agree."""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f"skipped: {missing}; tests/run.sh installs it")
    sys.exit(77)

MS = "com.microsoft"
rng = np.random.default_rng(7)
cases = []


def node(op, inputs, outputs, domain="", **attributes):
    split = lambda names: names.split() if isinstance(names, str) else names
    return helper.make_node(op, [n if n != "_" else "" for n in split(inputs)],
                            [n if n != "_" else "" for n in split(outputs)], domain=domain, **attributes)


def value(name, array_or_dtype=None, shape=None):
    if array_or_dtype is None:
        return onnx.ValueInfoProto(name=name)
    dtype = array_or_dtype
    if isinstance(dtype, np.ndarray):
        dtype, shape = dtype.dtype, dtype.shape if shape is None else shape
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def graph(nodes, inputs, outputs, weights=None, name="g"):
    weights = [numpy_helper.from_array(np.asarray(v), k) if not isinstance(v, onnx.TensorProto) else v
               for k, v in (weights or {}).items()]
    infos = lambda given: [v if isinstance(v, onnx.ValueInfoProto) else value(v) for v in given]
    return helper.make_graph(nodes, name, infos(inputs), infos(outputs), weights)


def model(body, opset=17, ir=8, **domains):
    opsets = [helper.make_opsetid("", opset)] if opset else []
    opsets += [helper.make_opsetid(k.replace("_", "."), v) for k, v in domains.items()]
    return helper.make_model(body, opset_imports=opsets, ir_version=ir)


def case(name, nodes, feeds, outputs, weights=None, opset=17, want=None, refused=None, shapes=None, tolerance=None,
         steps=0, ir=8, domains=None):
    """feeds: arrays by input name, in order. shapes: declared instead of the arrays' own. want: the answer where ONNX
    Runtime has none. refused: the exit code of a model that must not run. steps: how far integers may lie apart."""
    shapes = shapes or {}
    inputs = [value(k, v, shapes.get(k)) for k, v in feeds.items()]
    outputs = [v for v in outputs.split() if v != "_"] if isinstance(outputs, str) else outputs
    domains = {"com_microsoft": 1} if domains is None else domains
    built = model(graph(nodes, inputs, outputs, weights), opset, ir, **domains)
    cases.append((name, built, feeds, want, refused, tolerance, steps))


def f32(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def u8(*shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def s8(*shape):
    return rng.integers(-128, 128, shape, dtype=np.int8)


def by_onnxruntime(built, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(built.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def compare(got, want, tolerance, steps):
    want = np.asarray(want)
    if got.shape != want.shape:
        return f"shape {got.shape}, expected {want.shape}"
    if got.dtype != want.dtype:
        return f"type {got.dtype}, expected {want.dtype}"
    if got.dtype.kind == "f":
        rtol, atol = tolerance or ((1e-2, 1e-2) if got.dtype == np.float16 else (1e-4, 1e-5))
        if np.allclose(got.astype(np.float64), want.astype(np.float64), rtol, atol, equal_nan=True):
            return ""
        return f"largest difference {np.nanmax(np.abs(got.astype(np.float64) - want.astype(np.float64)))}"
    apart = np.abs(got.astype(np.int64) - want.astype(np.int64)).max(initial=0)
    return "" if apart <= steps else f"{apart} steps apart"


def run(edgert, only=""):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for index, (name, built, feeds, *_) in enumerate(cases):
            if only not in name:
                continue
            base = os.path.join(folder, str(index))
            os.mkdir(base)
            with open(os.path.join(base, "m.onnx"), "wb") as out:
                out.write(built.SerializeToString())
            inputs = {}
            for k, (key, array) in enumerate(feeds.items()):
                inputs[key] = os.path.join(base, f"in{k}.npy")
                np.save(inputs[key], array)
            lines.append(json.dumps({"id": index, "model": os.path.join(base, "m.onnx"), "inputs": inputs,
                                     "output_dir": os.path.join(base, "out")}))
        answers = subprocess.run([edgert, "run", "--batch", "-", "--timeout", "20"], input="\n".join(lines) + "\n",
                                 capture_output=True, text=True)
        got = {}
        for line in answers.stdout.splitlines():
            answer = json.loads(line)
            got[answer["id"]] = answer
        if answers.returncode != 0 or len(got) != len(lines):
            print(f"the batch ended with {answers.returncode} after {len(got)} of {len(lines)} cases\n{answers.stderr}")
            failures += 1
        for index, (name, built, feeds, want, refused, tolerance, steps) in enumerate(cases):
            if index not in got:
                continue
            answer, problems = got[index], []
            if refused is not None:
                if answer["exit"] != refused:
                    problems.append(f"exit {answer['exit']} where {refused} was expected: {answer['error']}")
            elif answer["exit"] != 0:
                problems.append(answer["error"])
            else:
                if want is None:
                    try:
                        want = by_onnxruntime(built, feeds)
                    except Exception as error:  # the peer's own refusal
                        problems.append(f"ONNX Runtime: {str(error)[:300]}")
                        want = []
                for k, array in enumerate(want):
                    result = np.load(os.path.join(folder, str(index), "out", f"{k}.npy"))
                    problem = compare(result, array, tolerance, steps)
                    if problem:
                        problems.append(f"output {k}: {problem}")
            failures += bool(problems)
            for problem in problems:
                print(f"{name}: {problem}")
    print(f"{len(got) - failures} of {len(lines)} cases agree")
    return 1 if failures else 0


def with_open_sizes():
    """Every good case once more, the first dimension of each input left open."""
    for name, built, feeds, want, refused, tolerance, steps in list(cases):
        if refused is not None:
            continue
        opened = onnx.ModelProto()
        opened.CopyFrom(built)
        for index, info in enumerate(opened.graph.input):
            dims = info.type.tensor_type.shape.dim
            if len(dims) and not dims[0].dim_param:
                dims[0].Clear()
                dims[0].dim_param = f"n{index}"
        cases.append((name + "_open", opened, feeds, want, refused, tolerance, steps))


def main(open_sizes=False):
    if open_sizes:
        with_open_sizes()
    sys.exit(run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
