#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run fuzz targets for a while and keep account: long.py --bin FOLDER [--seconds N] [--targets A,B] [--jobs N]

Each target runs N seconds (EDGE_FUZZ_SECONDS, default 60) with a seed that no run before it had; executions are added to
executions.json, from which --render writes the table of docs/testing.md and --check says whether it is current. A failure
leaves its file as fuzz-failure-TARGET.bin in the present folder."""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LEDGER, PAGE = HERE / "executions.json", HERE.parent.parent / "docs/testing.md"
BEGIN, END = "<!-- fuzz:begin -->", "<!-- fuzz:end -->"
FOLDERS = {"load": [HERE.parent / "format/v1"], "tflite": [HERE / "seeds/tflite"], "onnx": [HERE / "seeds/onnx"],
           "run": [HERE / "seeds/tflite", HERE / "seeds/onnx"]}
WHAT = {"load": "any bytes as an `.edge` file", "tflite": "any bytes as a TFLite file", "onnx": "any bytes as an ONNX file",
        "graph": "graphs of every operator, three ways compared", "cache": "any bytes as a file of the weight cache",
        "state": "any bytes as saved state", "run": "what is accepted is planned and run"}


def table(ledger):
    rows = ["| target | what | executions | of these with ASan and UBSan | failures open |", "|---|---|---:|---:|---:|"]
    for name in WHAT:
        t = ledger.get(name, {"executions": 0, "sanitized": 0, "failures": 0})
        rows.append(f"| {name} | {WHAT[name]} | {t['executions']:,} | {t['sanitized']:,} | {t['failures']} |")
    return "\n".join(rows)


def page(ledger):
    text = PAGE.read_text()
    return text.split(BEGIN)[0] + BEGIN + "\n" + table(ledger) + "\n" + END + text.split(END)[1]


def run(binary, name, seconds, seed):
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, EDGE_FUZZ_SECONDS=str(seconds), EDGE_FUZZ_SEED=str(seed))
        p = subprocess.run([binary, str(10**15), *map(str, FOLDERS.get(name, []))], cwd=folder, env=env, text=True,
                           capture_output=True, check=False, timeout=seconds + 600)
        done = re.findall(r"(\d+) executions", p.stdout)
        left = pathlib.Path(folder) / "fuzz-failure.bin"
        if p.returncode and left.exists():
            pathlib.Path(f"fuzz-failure-{name}.bin").write_bytes(left.read_bytes())
        if p.returncode:
            print(p.stdout[-2000:], p.stderr[-4000:], sep="\n")
        return int(done[-1]) if done else 0, p.returncode


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--bin")
    a.add_argument("--seconds", type=int, default=int(os.environ.get("EDGE_FUZZ_SECONDS", "60")))
    a.add_argument("--targets", default=",".join(WHAT))
    a.add_argument("--sanitized", action="store_true", help="the programs were built with ASan and UBSan")
    a.add_argument("--render", action="store_true")
    a.add_argument("--check", action="store_true")
    o = a.parse_args()
    ledger = json.loads(LEDGER.read_text())
    if o.check:
        current = page(ledger) == PAGE.read_text()
        return None if current else "docs/testing.md does not match tests/fuzz/executions.json: run long.py --render"
    bad = 0
    for name in o.targets.split(",") if o.bin else []:
        binary = pathlib.Path(o.bin) / f"fuzz_test_{name}"
        if not binary.exists():
            print(f"{name}: not built")
            continue
        count, status = run(binary.resolve(), name, o.seconds, int(time.time()))
        t = ledger.setdefault(name, {"executions": 0, "sanitized": 0, "failures": 0})
        t["executions"] += count
        t["sanitized"] += count if o.sanitized else 0
        t["failures"] += status != 0
        bad += status != 0
        print(f"{name}: {count:,} executions, {'FAILED' if status else 'no failure'}", flush=True)
        LEDGER.write_text(json.dumps(ledger, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(ledger))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
