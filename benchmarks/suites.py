#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the operator suites of ../shared/conformance under every kernel tier and backend, and store what passed.

    suites.py EDGERT CACHE [--only REGEX]        writes benchmarks/results/suites.json; docs/results.py prints it
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/suites.json"
WAYS = {"default": [], **{f"--isa {t}": ["--isa", t] for t in ("scalar", "avx2", "avxvnni", "avx512", "avx512vnni")},
        "--threads 2": ["--threads", "2"], "--backend xnnpack,cpu": ["--backend", "xnnpack,cpu"],
        "--backend xnnpack,cpu --prefer": ["--backend", "xnnpack,cpu", "--prefer"],
        "--reproducible": ["--reproducible"]}


def plan():
    """(suite, program, options, way)"""
    for way in WAYS:
        yield "ONNX backend tests", "onnx_node.py", [], way
        yield "TFLite operators, seed 1", "tflite_ops.py", ["--seed", "1"], way
    for seed in "2345":
        yield f"TFLite operators, seed {seed}", "tflite_ops.py", ["--seed", seed], "default"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edgert")
    parser.add_argument("cache")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    rows = {(r["suite"], r["way"]): r for r in (json.loads(OUT.read_text()) if OUT.exists() else [])}
    for suite, program, options, way in plan():
        if not re.search(arguments.only, f"{suite} {way}"):
            continue
        command = [sys.executable, ROOT.parent / "shared/conformance" / program, "--json", "--edgert", arguments.edgert,
                   "--cache", arguments.cache, *options, *(f"--option={o}" for o in WAYS[way])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout:
            sys.exit(done.stderr)
        found = json.loads(done.stdout)
        counts = found["outcomes"]
        rows[suite, way] = {"suite": suite, "way": way, "cases": sum(counts.values()), "outcomes": counts,
                            "tiers": [found["tiers"][t]["percent"] for t in sorted(found["tiers"])],
                            "not_passed": found["not_passed"]}
        print(f"{suite}, {way}: {counts['pass']} of {sum(counts.values())}", flush=True)
    order = [(s, w) for s, _, _, w in plan()]
    OUT.write_text(json.dumps(sorted(rows.values(), key=lambda r: order.index((r["suite"], r["way"]))), indent=1) + "\n")


if __name__ == "__main__":
    main()
