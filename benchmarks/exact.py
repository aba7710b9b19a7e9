#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far 8-bit convolutions and products of each runtime lie from exact integers (the cases of tests/suites/integers.py).

    exact.py EDGERT --out benchmarks/results/exact.json [--qemu qemu-x86_64]

The peers run on this CPU and, through user-mode emulation, on the newest x86 without VNNI that everybody has: Haswell.
EdgeRT runs under each cap of its instruction sets, and emulated.
"""
import argparse
import datetime
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile
from importlib import metadata

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/suites"))
import integers  # noqa: E402

PEERS = ("onnxruntime", "onnxruntime x64quantprecision=1", "openvino", "litert", "litert without XNNPACK")


def onnx_runtime(case, feeds, precise):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    if precise:
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(case.model), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], feeds)))[0]


def open_vino(case, feeds, kept=[]):
    import openvino
    if not kept:
        kept.append(openvino.Core())
    compiled = kept[0].compile_model(str(case.model), "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
    return next(iter(compiled(feeds).values()))


def lite_rt(case, feeds, plain):
    from ai_edge_litert import interpreter as tfl
    kind = tfl.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else tfl.OpResolverType.AUTO
    run = tfl.Interpreter(str(case.model), experimental_op_resolver_type=kind, num_threads=1)
    run.allocate_tensors()
    run.set_tensor(run.get_input_details()[0]["index"], feeds[0])
    run.invoke()
    return run.get_tensor(run.get_output_details()[0]["index"])


def child(peer, folder):
    """Outputs by case name, written beside the cases."""
    answers = {}
    for case in pickle.loads((folder / "cases.pickle").read_bytes()):
        if (case.model.suffix == ".tflite") != peer.startswith("litert"):
            continue
        feeds = [np.load(p) for p in case.inputs]
        try:
            if peer.startswith("onnxruntime"):
                answers[case.name] = onnx_runtime(case, feeds, "=" in peer)
            elif peer == "openvino":
                answers[case.name] = np.array(open_vino(case, feeds))
            else:
                answers[case.name] = lite_rt(case, feeds, "without" in peer)
        except Exception as error:  # whatever a peer raises is its answer
            answers[case.name] = str(error)[:200]
    (folder / "answers.pickle").write_bytes(pickle.dumps(answers))


def rows_of(runtime, cpu, cases, answers):
    """One row for each family: elements, how many are off, the largest distance."""
    families = {}
    for case in cases:
        if case.name not in answers:
            continue
        row = families.setdefault(case.family, {"runtime": runtime, "cpu": cpu, "family": case.family, "elements": 0, "off": 0, "most": 0,
                                                "refused": 0})
        got = answers[case.name]
        if isinstance(got, str):
            row["refused"] += 1
            continue
        off = integers.steps(case, got)
        row["elements"] += off.size
        row["off"] += int(np.count_nonzero(off))
        row["most"] = max(row["most"], int(off.max()))
    return list(families.values())


def peer_rows(peer, cpu, before, cases, work):
    answers = work / "answers.pickle"
    answers.unlink(missing_ok=True)
    done = subprocess.run([*before, sys.executable, __file__, "--child", peer, str(work)], check=False, capture_output=True, text=True)
    if not answers.exists():
        print(f"{peer} on {cpu}: ended with {done.returncode}: {done.stderr[-300:]}")
        return []
    return rows_of(peer, cpu, cases, pickle.loads(answers.read_bytes()))


def cpu_name():
    lines = dict(line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    vnni = [flag for flag in ("avx512_vnni", "avx_vnni") if flag in lines.get("flags", "").split()]
    return f"{lines.get('model name', 'unknown CPU')} with {' and '.join(vnni) or 'no VNNI'}"


def main():
    if sys.argv[1] == "--child":
        return child(sys.argv[2], pathlib.Path(sys.argv[3]))
    parser = argparse.ArgumentParser()
    parser.add_argument("edgert")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--qemu", default="qemu-x86_64")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        cases = list(integers.cases(work))
        (work / "cases.pickle").write_bytes(pickle.dumps(cases))
        emulated = work / "edgert"
        emulated.write_text(f'#!/bin/sh\nexec {given.qemu} -cpu Haswell {pathlib.Path(given.edgert).resolve()} "$@" 2>/dev/null\n')
        emulated.chmod(0o755)
        for isa in integers.ISAS:
            rows += rows_of("edgert", isa, cases, integers.ours(given.edgert, cases, work, ["--isa", isa]))
        rows += rows_of("edgert", "Haswell", cases, integers.ours(str(emulated), cases, work, []))
        for peer in PEERS:
            rows += peer_rows(peer, "native", [], cases, work)
            rows += peer_rows(peer, "Haswell", [given.qemu, "-cpu", "Haswell"], cases, work)
            print(peer, "done", flush=True)
    result = {"date": datetime.date.today().isoformat(), "machine": cpu_name(), "cases": len(cases), "rows": rows,
              "versions": {"onnxruntime": metadata.version("onnxruntime"), "openvino": metadata.version("openvino"),
                           "litert": metadata.version("ai-edge-litert")}}
    given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return None


if __name__ == "__main__":
    main()
