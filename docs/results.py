#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the result tables of README.md from docs/results.json, or check that they are current (--check).

results.json holds what was measured: who, where, when, with which command. Nothing in the tables is typed by hand.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def render(r):
    out = [f"Measured {r['date']} on {r['machine']}.", ""]
    out += ["| suite | passed | tiers 1, 2, 3 | wrong | crashed or hung |", "|---|---|---|---|---|"]
    for s in r["suites"]:
        out.append(f"| {s['name']} | {s['passed']} of {s['cases']} | {s['tiers']} | {s['wrong']} | {s['crashed']} |")
    out += ["", r["suites_note"], "",
            "Whole models against LiteRT's reference kernels, on the same random inputs (integers: bytes that differ,",
            "largest step):", "", "| model | EdgeRT | LiteRT's own fast kernels |", "|---|---|---|"]
    out += [f"| {m['name']} | {m['edgert']} | {m['litert']} |" for m in r["models"]]
    if r.get("speed"):
        peers = r["peers"]
        out += ["", f"Speed, median milliseconds, {r['speed_note']}", "",
                "| model | threads | EdgeRT | " + " | ".join(peers) + " | best peer / EdgeRT |",
                "|---|---|---|" + "---|" * (len(peers) + 1)]
        for row in r["speed"]:
            cells = [row["model"], row["threads"], row["edgert"]] + [row.get(p, "–") for p in peers] + [row["ratio"]]
            out.append("| " + " | ".join(str(c) for c in cells) + " |")
    out += ["", f"Library size, stripped: {r['size']}."]
    return "\n".join(out)


def main():
    path = ROOT / "README.md"
    text = path.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    new = head + BEGIN + "\n" + render(json.loads((ROOT / "docs/results.json").read_text())) + "\n" + END + tail
    if "--check" in sys.argv:
        if new != text:
            sys.exit("README.md does not match docs/results.json: run python3 docs/results.py")
    else:
        path.write_text(new)


if __name__ == "__main__":
    main()
