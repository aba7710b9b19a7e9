#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random small graphs (graphs.py), answered by EdgeRT in several ways and by ONNX Runtime and OpenVINO.

    random_graphs.py EDGERT [--count 500] [--seed 0] [--keep FOLDER] [--json FILE]

All must agree. Where a peer departs from EdgeRT, ONNX's own reference evaluation is the judge: the peer is counted as wrong
only where EdgeRT has the reference's answer. A graph that EdgeRT gets wrong is cut down to the nodes that show it, and kept.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    import openvino
    from onnx.reference import ReferenceEvaluator
except ImportError as missing:
    print(f"skipped: Python package {missing.name} is not here")
    sys.exit(77)
import batch
import graphs

WAYS = {"default": [], "scalar": ["--isa", "scalar"], "avx2": ["--isa", "avx2"], "threads": ["--threads", "2"],
        "xnnpack": ["--backend", "xnnpack,cpu", "--prefer"], "converted": [], "reproducible": ["--reproducible"]}


def onnx_runtime(model, feeds, level):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = level
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: x for i, x in zip(session.get_inputs(), feeds)})


def open_vino(core, path, feeds):
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    result = compiled(dict(zip(compiled.inputs, feeds)))
    return [result[o] for o in compiled.outputs]


def reference(model, feeds):
    named = {i.name: x for i, x in zip(model.graph.input, feeds)}
    try:
        return ReferenceEvaluator(model).run(None, named)
    except RuntimeError:  # it lacks older versions of some operators; those of convolution graphs mean the same in opset 21
        newer = onnx.ModelProto()
        newer.CopyFrom(model)
        newer.opset_import[0].version = 21
        return ReferenceEvaluator(newer).run(None, named)


def differs(got, want, step):
    """None, or how. Floats: 1e-4 of the largest value; on quantization grids a rounding tie may fall the other way, so few
    elements may be some steps away. Indices follow from floats: a tie is not judged."""
    if len(got) != len(want):
        return f"{len(got)} outputs, not {len(want)}"
    for k, (a, b) in enumerate(zip(got, want)):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return f"output {k} has shape {a.shape}, not {b.shape}"
        if b.dtype.kind != "f":
            if (a != b).mean() > 0.1 if a.size else False:
                return f"output {k}: {np.count_nonzero(a != b)} of {a.size} indices differ"
            continue
        if not a.size:
            continue
        off = np.abs(a.astype(np.float64) - b)
        limit = 1e-4 * max(float(np.abs(b).max()), 1e-3)
        if step:
            if off.max() > 8 * step or (off > max(limit, 1.01 * step)).mean() > 0.05:
                return f"output {k}: up to {off.max() / step:.1f} steps, {np.mean(off > limit):.1%} of the elements"
        elif not off.max() <= limit:
            return f"output {k}: {off.max():.3g} where the largest value is {np.abs(b).max():.3g}"
    return None


class Ours:
    def __init__(self, edgert, work):
        self.edgert, self.work, self.known = edgert, work, subprocess.run(
            [edgert, "devices", "--json"], capture_output=True, text=True, check=True).stdout

    def ways(self):
        return [w for w in WAYS if w != "xnnpack" or '"name":"xnnpack","available":true' in self.known.replace(" ", "")]

    def answers(self, cases, way):
        if way == "converted":
            converted = []
            for case in cases:
                out = case.model.with_suffix(".edge")
                done = subprocess.run([self.edgert, "convert", str(case.model), "-o", str(out)], capture_output=True, check=False)
                if done.returncode == 0:
                    converted.append(batch.Case(case.name, out, case.inputs, []))
                else:
                    print(f"{case.name}: convert ends with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
            cases = converted
        return batch.run(self.edgert, cases, self.work, WAYS[way])


def write(folder, seed):
    name, model, feeds, step = graphs.make(seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    files = [folder / f"{name}.{i}.npy" for i in range(len(feeds))]
    for file, value in zip(files, feeds):
        np.save(file, value)
    return batch.Case(name, path, files, []), model, feeds, step


def shrink(ours, case, model, feeds, step, way):
    """The first intermediate value that departs, as a model of its own."""
    order = [n for node in model.graph.node for n in node.output]
    whole = onnx.shape_inference.infer_shapes(model)
    kinds = {v.name: v for v in whole.graph.value_info}
    for name in order:
        part = onnx.ModelProto()
        part.CopyFrom(model)
        if name not in kinds:
            continue
        del part.graph.output[:]
        part.graph.output.append(kinds[name])
        path = case.model.with_name(f"{case.name}.part.onnx")
        onnx.save(part, path)
        answer = ours.answers([batch.Case("part", path, case.inputs, [])], way).get("part")
        if answer is None or answer.code != 0:
            return f"{name}: {answer.error if answer else 'convert refuses'} ({path})"
        why = differs([a for a, _ in answer.outputs], reference(part, feeds), step)
        if why:
            return f"first departs at {name}: {why} ({path})"
    return str(case.model)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edgert")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary) / "graphs"
        made = [write(folder, arguments.seed + i) for i in range(arguments.count)]
        ours = Ours(arguments.edgert, pathlib.Path(temporary))
        answers = {way: ours.answers([m[0] for m in made], way) for way in ours.ways()}
        level, core = onnxruntime.GraphOptimizationLevel, openvino.Core()
        peers = {"ONNX Runtime, as written": lambda c, m, f: onnx_runtime(m, f, level.ORT_DISABLE_ALL),
                 "ONNX Runtime, optimised": lambda c, m, f: onnx_runtime(m, f, level.ORT_ENABLE_ALL),
                 "OpenVINO": lambda c, m, f: open_vino(core, c.model, f)}
        wrong, table = 0, {p: {"agree": 0, "wrong": 0, "refused": 0} for p in peers}
        for case, model, feeds, step in made:
            truth, mine, agreed = None, answers["default"][case.name], 0
            for way in answers:
                answer = answers[way].get(case.name)
                if answer is None or answer.code != 0:
                    wrong += 1
                    print(f"{case.name} ({way}): {answer.error if answer else 'not converted'}")
                    continue
                why = differs([a for a, _ in answer.outputs], [a for a, _ in mine.outputs], step) if mine.code == 0 else None
                if why:
                    wrong += 1
                    print(f"{case.name} ({way} beside default): {why}\n  {shrink(ours, case, model, feeds, step, way)}")
            if mine.code != 0:
                continue
            for peer, call in peers.items():
                try:
                    theirs = call(case, model, feeds)
                except Exception:  # a peer may throw what it likes; it is counted
                    table[peer]["refused"] += 1
                    continue
                why = differs([a for a, _ in mine.outputs], theirs, step)
                if why is None:
                    table[peer]["agree"] += 1
                    agreed += 1
                    continue
                truth = truth or reference(model, feeds)
                if differs([a for a, _ in mine.outputs], truth, step) is None:
                    table[peer]["wrong"] += 1
                    print(f"{case.name}: {peer} departs from the reference: {differs(theirs, truth, step)}")
                else:
                    wrong += 1
                    print(f"{case.name} beside {peer}: {why}\n  {shrink(ours, case, model, feeds, step, 'default')}")
            if agreed == 0:
                truth = truth or reference(model, feeds)
                if differs([a for a, _ in mine.outputs], truth, step) is not None:
                    wrong += 1
                    print(f"{case.name}: no peer answers, and the reference differs")
        for peer, counts in table.items():
            print(f"{peer}: {counts['agree']} agree, {counts['wrong']} shown to be wrong, {counts['refused']} refused")
        print(f"{arguments.count} graphs from seed {arguments.seed}, {len(answers)} ways: {wrong} wrong answers of EdgeRT")
        if arguments.json:
            arguments.json.write_text(json.dumps({"graphs": arguments.count, "seed": arguments.seed, "ways": list(answers),
                                                  "wrong": wrong, "peers": table}, indent=1) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
