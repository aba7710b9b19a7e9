#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/operators.md from src/ops/ops.def, or check that it is current.

    python3 docs/operators.py          writes
    python3 docs/operators.py --check  exit status 1 when it is out of date
"""
import pathlib
import re
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
    return "\n".join(out) + "\n"


def main():
    text = render((ROOT / "src/ops/ops.def").read_text())
    path = ROOT / "docs/operators.md"
    if "--check" in sys.argv:
        if not path.exists() or path.read_text() != text:
            sys.exit("docs/operators.md is out of date: run python3 docs/operators.py")
    else:
        path.write_text(text)


if __name__ == "__main__":
    main()
