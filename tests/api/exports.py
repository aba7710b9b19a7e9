# SPDX-License-Identifier: Apache-2.0
"""exports.py SOURCE [NM LIBRARY]: the public headers, exports.txt and the shared library name the same functions."""
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(sys.argv[1])
lines = [s for s in (source / "src/api/exports.txt").read_text().splitlines() if s and not s.startswith("#")]
problems = []
if lines != sorted(set(lines)):
    problems.append("exports.txt is not sorted, or names something twice")
listed = set(lines)
declared = set()
for header in sorted((source / "include/edge").glob("*.h")):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    declared |= set(re.findall(r"EDGE_API[^;()]*?\b(edge_\w+)\s*\(", text))
problems += [f"{name}: declared with EDGE_API, not in exports.txt" for name in sorted(declared - listed)]
problems += [f"{name}: in exports.txt, not declared in a public header" for name in sorted(listed - declared)]
if len(sys.argv) > 3:
    out = subprocess.run([sys.argv[2], "-D", "--defined-only", sys.argv[3]], capture_output=True, text=True, check=True)
    exported = {line.split()[-1].split("@")[0] for line in out.stdout.splitlines() if line.strip()}
    problems += [f"{name}: in exports.txt, not exported" for name in sorted(listed - exported)]
    problems += [f"{name}: exported, not in exports.txt" for name in sorted(exported - listed)]
print("\n".join(problems) or f"{len(listed)} functions agree")
sys.exit(1 if problems else 0)
