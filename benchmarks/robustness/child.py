# SPDX-License-Identifier: Apache-2.0
"""One runtime in a process of its own: reads a path a line, loads and runs the model, answers with a line of JSON."""
import json
import os
import sys
import warnings

import numpy as np

MOST = 1 << 24      # elements of an input that this process makes itself


def fill(rng, dims, dtype):
    count = 1
    for d in dims:
        count *= d
    if any(d < 0 for d in dims) or count > MOST or len(dims) > 32:
        raise ValueError("an input of shape %s" % (dims,))
    if dtype == np.bool_:
        return rng.integers(0, 2, dims).astype(np.bool_)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 2, dims).astype(dtype)
    return rng.uniform(-1, 1, dims).astype(dtype)


def onnxruntime():
    import onnxruntime as ort
    types = {"float": np.float32, "float16": np.float16, "double": np.float64, "bool": np.bool_, "int8": np.int8, "uint8": np.uint8,
             "int16": np.int16, "uint16": np.uint16, "int32": np.int32, "uint32": np.uint32, "int64": np.int64, "uint64": np.uint64}

    def run(path, rng):
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feeds = {}
        for x in session.get_inputs():
            kind = x.type[len("tensor("):-1]
            if not x.type.startswith("tensor(") or kind not in types:
                raise ValueError("an input of type " + x.type)
            feeds[x.name] = fill(rng, [d if isinstance(d, int) else 1 for d in x.shape], types[kind])
        return session.run(None, feeds)
    return run


def litert():
    from ai_edge_litert.interpreter import Interpreter

    def run(path, rng):
        i = Interpreter(model_path=path, num_threads=1)
        i.allocate_tensors()
        for d in i.get_input_details():
            i.set_tensor(d["index"], fill(rng, [int(x) for x in d["shape"]], d["dtype"]))
        i.invoke()
        return [i.get_tensor(d["index"]) for d in i.get_output_details()]
    return run


def openvino():
    import openvino as ov
    core = ov.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": 1})

    def run(path, rng):
        compiled = core.compile_model(path, "CPU")
        feeds = []
        for x in compiled.inputs:
            shape = [d.get_length() if d.is_static else 1 for d in x.partial_shape] if x.partial_shape.rank.is_static else [1]
            feeds.append(fill(rng, shape, x.element_type.to_dtype()))
        return list(compiled(feeds).values())
    return run


def main():
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                   # whatever the runtime prints is no answer
    run = {"onnxruntime": onnxruntime, "litert": litert, "openvino": openvino}[sys.argv[1]]()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        answer = {"exit": 0, "error": "", "head": []}
        try:
            outputs = run(line.rstrip("\n"), np.random.default_rng(1))
            answer["head"] = [np.asarray(x).tobytes()[:64].hex() for x in outputs[:4]]
        except BaseException as e:                   # noqa: B036: an error is an answer, whatever its kind
            answer.update(exit=3, error=repr(e)[:300])
        print(json.dumps(answer), file=answers, flush=True)


main()
