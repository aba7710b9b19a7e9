# SPDX-License-Identifier: Apache-2.0
"""Many cases through one process of `edgert run --batch`, their outputs read and judged."""
import dataclasses
import json
import pathlib
import subprocess

import numpy as np

BITS = {"bfloat16": np.uint16}  # types without a NumPy type, that travel as bits or one element a byte
NARROW = {"int4": np.int8, "uint4": np.uint8, "int2": np.int8, "uint2": np.uint8}


@dataclasses.dataclass
class Case:
    name: str
    model: pathlib.Path
    inputs: list       # .npy files
    expected: list     # (array, name of the real type)
    rtol: float = 1e-3
    atol: float = 1e-7


@dataclasses.dataclass
class Answer:
    code: int          # exit code of that case; None: the process died before it
    error: str
    outputs: list      # (array, type name)


def travelling(array, name=None):
    """A value as the array that .npy holds, and the name of its type."""
    name = name or array.dtype.name
    if name in BITS:
        return array.view(BITS[name]), name
    if name in NARROW:
        return array.astype(NARROW[name]), name
    return array, name


def run(edgert, cases, work, options=(), timeout=20):
    """Answers by case name. A process that dies costs one case; the next goes on after it."""
    answers, left = {}, list(cases)
    while left:
        listing = work / "list.jsonl"
        with open(listing, "w", encoding="utf-8") as f:
            for case in left:
                f.write(json.dumps({"id": case.name, "model": str(case.model), "inputs": [str(p) for p in case.inputs],
                                    "output_dir": str(work / "out" / case.name)}) + "\n")
        done = subprocess.run([edgert, "run", "--batch", str(listing), "--timeout", str(timeout), *options],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        count = 0
        for line in done.stdout.splitlines():
            row = json.loads(line)
            answers[row["id"]] = Answer(row["exit"], row["error"], read(work / "out" / row["id"]) if row["exit"] == 0 else [])
            count += 1
        left = left[count:]
        if left:
            answers[left[0].name] = Answer(None, f"process ended with {done.returncode}: {done.stderr[-300:]}", [])
            left = left[1:]
    return answers


def read(folder):
    index = json.loads((folder / "index.json").read_text())
    return [(np.load(folder / o["file"]), o["dtype"]) for o in index["outputs"]]


def float32_of_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def difference(case, outputs):
    """None when the outputs are as expected, else how they differ."""
    if len(outputs) != len(case.expected):
        return f"{len(outputs)} outputs, expected {len(case.expected)}"
    for k, ((got, kind), (want, real)) in enumerate(zip(outputs, case.expected)):
        if kind != real:
            return f"output {k} is {kind}, expected {real}"
        if got.shape != want.shape:
            return f"output {k} has shape {got.shape}, expected {want.shape}"
        rtol = case.rtol
        if kind == "bfloat16":
            got, want, rtol = float32_of_bfloat16(got), float32_of_bfloat16(want), 2.0 ** -6  # two units in the last place
        if want.dtype.kind not in "fc":
            if not np.array_equal(got, want):
                return f"output {k}: {np.count_nonzero(got != want)} of {want.size} differ"
        elif not np.allclose(got, want, rtol=rtol, atol=case.atol, equal_nan=True):
            with np.errstate(all="ignore"):
                return f"output {k}: largest difference {np.nanmax(np.abs(got.astype(np.float64) - want)):.3g}"
    return None
