#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the result tables of README.md and docs, or check that they are current (--check).

docs/results.json holds what conformance runs found; benchmarks/results/*.json what benchmarks/compare/compare.py
measured, one file for each machine and kernel tier, behaviour*.json what benchmarks/behaviour.py did,
exact.json what benchmarks/exact.py did. Nothing in the tables is typed by hand.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks/compare"))
import table  # noqa: E402
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def render(r):
    out = [f"Measured {r['date']} on {r['machine']}.", ""]
    out += suites(lambda row: row["way"] == "default")
    out += ["", r["suites_note"], "",
            "Whole models against LiteRT's reference kernels, on the same random inputs (integers: bytes that differ,",
            "largest step):", "", "| model | EdgeRT | LiteRT's own fast kernels |", "|---|---|---|"]
    out += [f"| {m['name']} | {m['edgert']} | {m['litert']} |" for m in r["models"]]
    for res in comparisons():
        rows = [x for x in table.order(res) if x["model"] in r["speed_models"] and not res.get("masked")]
        if rows:
            out += ["", "Speed, median milliseconds beside the fastest peer whose answers are right (all rows, all peers:",
                    "[docs/benchmarks.md](docs/benchmarks.md)). " + " ".join(table.heading(res)), "",
                    "| model | threads | EdgeRT | best peer | its time | times as fast | beside the fastest, right or wrong |",
                    "|---|---|---:|---|---:|---:|---:|"]
        for x in rows:
            name, peer = table.best(x, True)
            if name and "median_ms" in x["runners"].get("edgert", {}):
                out.append(f"| {x['model']} | {x['threads']} | {table.ms(x['runners']['edgert']['median_ms'])} | "
                           f"{table.NAMES[name]} | {table.ms(peer['median_ms'])} | {table.ratio(x, True):.2f} | "
                           f"{table.ratio(x, False):.2f} |")
    out += ["", f"Library size, stripped: {r['size']}."]
    return "\n".join(out)


def suites(wanted):
    """The runs of benchmarks/results/suites.json that are wanted, as a table."""
    out = ["| suite | as | passed | tiers 1, 2, 3 (%) | unsupported | wrong | refused | crashed or hung |", "|---|---|---|---|---|---|---|---|"]
    for row in filter(wanted, json.loads((ROOT / "benchmarks/results/suites.json").read_text())):
        n = row["outcomes"]
        tiers = ", ".join(f"{t:.4g}" for t in row["tiers"])
        out.append(f"| {row['suite']} | {row['way']} | {n['pass']} of {row['cases']} | {tiers} | {n['unsupported']} | {n['wrong']} | {n['error']} | "
                   f"{n['crash'] + n['hang']} |")
    return out


def comparisons():
    files = sorted((ROOT / "benchmarks/results").glob("*.json"))
    not_compared = ("behaviour", "robustness", "exact", "suites")
    return [json.loads(p.read_text()) for p in files if not p.name.startswith(not_compared)]


TITLES = {"cold": "Cold start", "memory": "Memory", "contention": "Threads and busy neighbours",
          "xnnpack": "The choice between our kernels and XNNPACK's", "modes": "Reproducible and fast-math", "tiny": "Tiny models",
          "stop": "Cancelling a run"}


def behaviour():
    """tables of benchmarks/behaviour.py"""
    def cell(x):
        return "" if x is None else f"{x:.3g}" if isinstance(x, float) and abs(x) < 100 else f"{x:.0f}" \
            if isinstance(x, float) else str(table.NAMES.get(x, x))
    out = []
    files = sorted((ROOT / "benchmarks/results").glob("behaviour*.json"))
    found = [t for p in files for t in json.loads(p.read_text())["tables"].values()]
    for t in sorted(found, key=lambda t: ([*TITLES].index(t["what"]), t["isa"], t["machine"])):
        names = ", ".join(f"{table.NAMES[n]} {v}" for n, v in sorted(t["versions"].items()))
        out += ["", f"## {TITLES[t['what']]}, {t['isa']}", "",
                f"{t['machine']}, {t['date']}, commit {t['commit']}" + (f"; {names}" if names else "") + ".", "",
                "| " + " | ".join(t["head"]) + " |", "|---|" + "---:|" * (len(t["head"]) - 1)]
        out += ["| " + " | ".join(map(cell, row)) + " |" for row in t["rows"]] + ["", t["notes"]]
    return out


def real_models():
    """table of tests/e2e/real_models.py"""
    path = ROOT / "docs/real_models.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    out = ["", "## Real models", "",
           "Models out of Python packages, run from their original files on real inputs (`tests/e2e/real_models.py`): the smallest",
           "cosine and the largest difference of any output, beside the runtime that the model was made for, over all runs with one",
           "thread, two, AVX2 only, and converted to .edge. Times: one run, one thread, median milliseconds while other work ran",
           f"beside it, so only the ratio says something; {found['machine']}.", "",
           "| family | model | package | peer | runs | cosine | largest difference | of | EdgeRT | peer | times as fast |",
           "|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for family in found["families"]:
        for m in family["models"]:
            out.append(f"| {family['family'].replace('_', ' ')} | {m['model']} | {m['package']} | {m['peer']} | {m['runs']} | {m['cosine']:.7f} | "
                       f"{m['max_difference']:.2g} | {m['largest']:.3g} | {m['ms']:.3g} | {m['peer_ms']:.3g} | "
                       f"{m['peer_ms'] / m['ms']:.2f} |")
    return out


def benchmarks():
    out = ["# Benchmarks", "",
           "Written by docs/results.py from the files in benchmarks/results; how they are made says",
           "[benchmarks/README.md](../benchmarks/README.md). Fresh processes in turn, outputs checked against the exact ones,",
           "limits measured in the same run. A limit is the larger of 2 x multiply-adds over the peak of the instruction set",
           "and, for weights beyond the last cache, their bytes over the rate of memory; Winograd's convolution and narrower",
           "arithmetic can pass it."]
    for res in comparisons():
        out += ["", f"## {res['machine']}, {res['isa']}", "", table.render(res).rstrip()]
    out += behaviour() + real_models()
    out += ["", "## Suites", "", "Operator suites of others, through `edgert run --batch` (`benchmarks/suites.py`). Same answers on every tier.", ""]
    out += suites(lambda row: True)
    lines = (ROOT / "benchmarks/kbench/guard.json").read_text().splitlines()
    guard = {(g["family"], g["tier"]): g for g in map(json.loads, lines)}
    families, tiers = ([*dict.fromkeys(k[i] for k in guard)] for i in (0, 1))
    out += ["", "## Heavy kernels", "",
            "Percent of the measured peak of the instruction set, over the layers of MobileNetV2, YOLO and MiniLM weighted by",
            "use; the best row of each tier, `build/kbench --guard-print --isa TIER`. Depthwise convolutions are bound by",
            "memory, 8-bit ones by what surrounds the products.", "",
            "| family | " + " | ".join(tiers) + " |", "|---|" + "---:|" * len(tiers)]
    for f in families:
        cells = [f"{guard[f, t]['percent']:.0f} % ({guard[f, t]['row'].split('_', 1)[1]})" if (f, t) in guard else ""
                 for t in tiers]
        out.append(f"| {f} | " + " | ".join(cells) + " |")
    out += ["", "## Arm kernels", "",
            "No Arm CPU was at hand: multiply-adds a cycle in the loop with the most products, as llvm-mca models it",
            "(`benchmarks/arm_cycles.py`); where products of 128 bits start once a cycle, f32 and 16-bit ones can reach 4.", "",
            "| kernel | loop of | Cortex-A55 | Cortex-A76 |", "|---|---|---:|---:|"]
    for row in json.loads((ROOT / "benchmarks/arm_cycles.json").read_text()):
        rates = [f"{row['products'] / row['cycles'][cpu]:.1f}" for cpu in ("cortex-a55", "cortex-a76")]
        out.append(f"| {row['kernel']} | `{row['function']}` | " + " | ".join(rates) + " |")
    return "\n".join(out) + "\n"


PEERS = {"edgert": "EdgeRT", "edgert, sanitized": "EdgeRT under ASan and UBSan", "onnxruntime": "ONNX Runtime", "litert": "LiteRT",
         "openvino": "OpenVINO"}
GROUPS = {"trap": "traps by hand", "meaning": "wrong meaning", "bytes": "damaged bytes"}


def robustness():
    r = json.loads((ROOT / "benchmarks/results/robustness.json").read_text())
    kinds = ["accept", "reject", "crash", "hang", "memory", "outside"]
    versions = ", ".join(f"{PEERS[n]} {v}" for n, v in sorted(r["versions"].items()))
    out = [f"{r['files']} files, {r['date']}, {r['machine']}; {versions}.", "",
           "| files | runtime | " + " | ".join(kinds) + " |", "|---|---|" + "---:|" * len(kinds)]
    order = [*PEERS]
    for row in sorted(r["rows"], key=lambda x: (["onnx", "tflite", "edge"].index(x["format"]), [*GROUPS].index(x["group"]),
                                               order.index(x["runtime"]))):
        cells = [f"**{row[k]}**" if k not in ("accept", "reject") and row[k] else str(row[k]) for k in kinds]
        out.append(f"| {row['format']}, {GROUPS[row['group']]} | {PEERS[row['runtime']]} | " + " | ".join(cells) + " |")
    return "\n".join(out)


RUNTIMES = {"edgert": "EdgeRT", "onnxruntime": "ONNX Runtime", "onnxruntime x64quantprecision=1": "ONNX Runtime, `session.x64quantprecision=1`",
            "openvino": "OpenVINO", "litert": "LiteRT (XNNPACK)", "litert without XNNPACK": "LiteRT, its own kernels"}
COLUMNS = {"u8 × s8 convolution": lambda f: f.startswith("conv") and f.endswith("u8 × s8"),
           "u8 × s8 product": lambda f: f == "matrix product u8 × s8",
           "s8 × s8 convolution": lambda f: f.startswith("conv") and f.endswith("s8 × s8") and "u8" not in f,
           "s8 × s8 product": lambda f: f == "matrix product s8 × s8",
           "u8 × u8": lambda f: f.startswith(("conv", "matrix")) and f.endswith("u8 × u8"),
           "depthwise": lambda f: f.startswith("depthwise"),
           "MatMulInteger u8 × s8": lambda f: f == "MatMulInteger u8 × s8",
           "MatMul-, ConvInteger u8 × u8": lambda f: f.endswith("Integer u8 × u8"),
           "TFLite s8 × s8": lambda f: f.startswith("TFLite")}


def exact():
    """table of benchmarks/exact.py: runtimes that say the same share a line"""
    r = json.loads((ROOT / "benchmarks/results/exact.json").read_text())
    lines = {}
    for runtime, cpu in dict.fromkeys((x["runtime"], x["cpu"]) for x in r["rows"]):
        cells = []
        for wanted in COLUMNS.values():
            rows = [x for x in r["rows"] if (x["runtime"], x["cpu"]) == (runtime, cpu) and wanted(x["family"])]
            count, off = sum(x["elements"] for x in rows), sum(x["off"] for x in rows)
            share = 100 * off / max(count, 1)
            cells.append("" if not count else f"**{max(x['most'] for x in rows):,}** ({share:.2g} %)" if off else "0")
        lines.setdefault((runtime, tuple(cells)), []).append(cpu)
    versions = ", ".join(f"{RUNTIMES[n].split(' (')[0]} {v}" for n, v in sorted(r["versions"].items()))
    elements = sum(x["elements"] for x in r["rows"] if x["runtime"] == "edgert" and x["cpu"] == "scalar")
    out = [f"{r['cases']} cases, {elements:,} elements; {r['date']}, {r['machine']} (native), `qemu-x86_64 -cpu Haswell` (no VNNI); {versions}.", "",
           "| runtime | CPU or its tier | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---:|" * len(COLUMNS)]
    out += [f"| {RUNTIMES[runtime]} | {', '.join(cpus)} | " + " | ".join(cells) + " |" for (runtime, cells), cpus in lines.items()]
    refused = {(x["runtime"], x["family"]): x["refused"] for x in r["rows"] if x["refused"]}
    count = {n: sum(v for (name, _), v in refused.items() if name == n) for n in RUNTIMES}
    left = ", ".join(f"{RUNTIMES[n]}: {v}" for n, v in count.items() if v)
    return "\n".join(out + ["", f"Cases that a runtime refuses to load are not counted ({left})."])


def between(path, text):
    head, rest = path.read_text().split(BEGIN)
    return head + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1]


def main():
    readme = ROOT / "README.md"
    trust = ROOT / "docs/errors-and-trust.md"
    new = between(readme, render(json.loads((ROOT / "docs/results.json").read_text())))
    numbers = ROOT / "docs/numerics.md"
    for path, wanted in ((readme, new), (ROOT / "docs/benchmarks.md", benchmarks()), (trust, between(trust, robustness())),
                         (numbers, between(numbers, exact()))):
        if "--check" not in sys.argv:
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            sys.exit(f"{path.name} does not match the stored results: run python3 docs/results.py")


if __name__ == "__main__":
    main()
