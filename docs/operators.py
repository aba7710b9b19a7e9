#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/operators.md from src/ops/ops.def and docs/operator_support.json, or check that it is current.

    python3 docs/operators.py                         writes
    python3 docs/operators.py --check                 exit status 1 when it is out of date
    python3 docs/operators.py --measure BUILD         where the operators' cases run, by BUILD/tests/fuzz/op_support
    python3 docs/operators.py --measure BUILD --check exit status 1 when that is no longer so
    python3 docs/operators.py --measure BUILD CACHE   also how many cases of the outside suites hold each operator; CACHE
                                                      is where ../shared/conformance keeps them
"""
import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROW = re.compile(r"^EI_OP(_RESERVED)?\((\d+), (\w+)\)\s*(?:/\*(.*?)\*/)?", re.S | re.M)
SECTION = re.compile(r"^/\* ---- (.*?)\*/", re.S | re.M)


def one_line(text):
    return re.sub(r"\s+", " ", (text or "").replace("|", "\\|")).strip()


def render(source):
    head = source[:source.index("/* ----")]
    rules = re.search(r"Conventions\n(.*?)\*/", head, re.S).group(1)
    rules = "\n".join(line[2:].rstrip() if line.startswith(" *") else line.rstrip() for line in rules.splitlines())
    out = ["# Operators", "", "Generated from `src/ops/ops.def` by `docs/operators.py`. Each operator has reference evaluation and shape inference in",
           "`src/ops/op_*.c` and its cases in `tests/ops/cases_*.c`.", "", "## Conventions", "```", rules.strip("\n"), "```"]
    marks = sorted([(m.start(), "section", one_line(m.group(1))) for m in SECTION.finditer(source)] +
                   [(m.start(), "row", m) for m in ROW.finditer(source)], key=lambda x: x[0])
    reserved, count = [], 0
    for _, kind, item in marks:
        if kind == "section":
            out += ["", "## " + item[0].upper() + item[1:], "", "| id | operator | inputs, attributes, rules |", "|---|---|---|"]
        elif item.group(1):
            reserved.append(item.group(3))
        else:
            count += 1
            out.append(f"| {item.group(2)} | {item.group(3)} | {one_line(item.group(4))} |")
    out += ["", f"{count} operators." + (f" Ids reserved for operators that this version does not implement: {', '.join(reserved)}." if reserved else "")]
    out += where([m.group(3) for _, kind, m in marks if kind == "row" and not m.group(1)]) + not_passed()
    return "\n".join(out) + "\n"


# ---- where operators run
SUPPORT = ROOT / "docs/operator_support.json"
REFERENCE = ("reference", "run-time shape", "none")  # a shape that is born in the run belongs to the reference too


def placements(build):
    """{operator: {type: [cases, with a kernel of the CPU, on XNNPACK]}}; None where the CPU has no AVX2."""
    done = subprocess.run([pathlib.Path(build) / "tests/fuzz/op_support"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        return None
    if done.returncode:
        sys.exit(done.stderr)
    counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0, 0]))
    for line in done.stdout.splitlines():
        op, dtype, backend, kernel, preferred, _ = line.split("\t")
        n = counts[op][dtype]
        n[0] += 1
        n[1] += backend != "-" and kernel not in REFERENCE
        n[2] += preferred == "xnnpack"
    return {op: dict(types) for op, types in counts.items()}


def suite_counts(build, cache):
    """{suite: {operator: cases that hold it}}, of the models that ../shared/conformance has written under `cache`"""
    found = {}
    passes = re.findall(r'^EI_PASS\("(\w+)"', (ROOT / "src/graph/passes.def").read_text(), re.M)
    off = [word for name in sorted(set(passes)) for word in ("--no-pass", name)]  # what was imported, not what runs
    for suite, pattern in (("onnx", "onnx-*/*/model.onnx"), ("tflite", "tflite-*-seed1*/*/model.tflite")):
        counts = collections.Counter()
        for model in sorted(pathlib.Path(cache).glob(pattern)):
            done = subprocess.run([pathlib.Path(build) / "edgert", "inspect", "--json", *off, model],
                                  capture_output=True, text=True, check=False)
            if done.returncode == 0:
                counts.update(json.loads(done.stdout)["operators"].keys())
        found[suite] = dict(sorted(counts.items()))
    return found


def numbers(types, of):
    """Types with the share of their cases that `of` counts: all of them, or some."""
    full = [t for t, n in types.items() if n[of] == n[0]]
    part = [f"{t} ({n[of]} of {n[0]})" for t, n in types.items() if 0 < n[of] < n[0]]
    return ", ".join(full + part) or "–"


def where(names):
    support = json.loads(SUPPORT.read_text())
    out = ["", "## Where each operator runs", "",
           "Types are those of the first input (`q`: quantized) of the operator's own cases, with the other inputs constant, on a",
           "CPU with AVX2. *CPU kernel*: all cases of that type run on an optimised kernel, or so many of them; *reference*: the",
           "C code of `src/ops`, on the CPU backend too. *XNNPACK*: runs there when it is asked for first. A plug-in names its own",
           "(`edgert explain MODEL`). Proof: the test `op_NAME` compares each case with values from elsewhere, `fuzz/hostile`",
           "compares every way on which it runs with the reference, `ops_support` that this table is so, and the last columns",
           "count the cases of the outside suites (`suites/onnx_node`, `suites/shared_*`) whose graph holds the operator.", "",
           "| operator | CPU kernel | reference only | XNNPACK | own cases | ONNX cases | TFLite cases |",
           "|---|---|---|---|---|---|---|"]
    for name in names:
        types = support["placement"].get(name, {})
        only = ", ".join(t for t, n in types.items() if n[1] == 0) or "–"
        cells = [name, numbers(types, 1), only, numbers(types, 2), str(sum(n[0] for n in types.values()))]
        if not types:
            cells[1:5] = ["run by `src/exec`", "–", "–", "tests/exec"]
        cells += [str(support["suites"][s].get(name, 0)) for s in ("onnx", "tflite")]
        out.append("| " + " | ".join(cells) + " |")
    return out


def not_passed():
    """Cases that are not run or whose answer is not the expected one, with the reason."""
    out = ["", "## Cases that are not run, or do not pass", "",
           "Of the ONNX backend tests, as `tests/suites/onnx_node.txt` lists them (patterns; every other case must pass):", "",
           "| case | reason |", "|---|---|"]
    for line in (ROOT / "tests/suites/onnx_node.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, reason = line.split(None, 1)
            out.append(f"| `{pattern}` | {one_line(reason)} |")
    out += ["", "Of the outside suites, every case of which is run, on each kernel tier and backend alike (`benchmarks/suites.py`).",
            "Why the expected value is not followed, by the formula: [numerics.md](numerics.md).", "",
            "| suite | case | what the suite says |", "|---|---|---|"]
    seen = set()
    for row in json.loads((ROOT / "benchmarks/results/suites.json").read_text()):
        for case, (kind, text) in sorted(row["not_passed"].items()):
            if (row["suite"], case) not in seen:
                seen.add((row["suite"], case))
                out.append(f"| {row['suite']} | {case} | {kind}: {one_line(text)} |")
    return out


def measure(arguments):
    text = SUPPORT.read_text() if SUPPORT.exists() else '{"suites": {"onnx": {}, "tflite": {}}}'
    support = json.loads(text)
    found = placements(arguments[0])
    if found is None:
        sys.exit(print("skipped: this CPU has no AVX2") or 77)
    support["placement"] = found
    if len(arguments) > 1:
        support["suites"] = suite_counts(*arguments)
    rows = ",\n".join(f"  {json.dumps(op)}: {json.dumps(types)}" for op, types in found.items())
    suites = ",\n".join(f"  {json.dumps(s)}: {json.dumps(n)}" for s, n in support["suites"].items())
    now = '{"placement": {\n' + rows + '\n}, "suites": {\n' + suites + "\n}}\n"
    if "--check" not in sys.argv:
        SUPPORT.write_text(now)
    elif now != text:
        sys.exit("docs/operator_support.json is out of date: run python3 docs/operators.py --measure BUILD")


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    if arguments:
        measure(arguments)
        if "--check" in sys.argv:
            return
    text = render((ROOT / "src/ops/ops.def").read_text())
    path = ROOT / "docs/operators.md"
    if "--check" in sys.argv:
        if not path.exists() or path.read_text() != text:
            sys.exit("docs/operators.md is out of date: run python3 docs/operators.py")
    else:
        path.write_text(text)


if __name__ == "__main__":
    main()
