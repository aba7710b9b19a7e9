#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every test that docs/errors-and-trust.md names as a proof exists: promises.py SOURCE BUILD CTEST"""
import fnmatch
import pathlib
import re
import subprocess
import sys

source, build, ctest = sys.argv[1:]
listed = subprocess.run([ctest, "-N"], cwd=build, capture_output=True, text=True, check=True).stdout
tests = set(re.findall(r"Test\s+#\d+: (\S+)", listed))
text = (pathlib.Path(source) / "docs/errors-and-trust.md").read_text()
rows = [line.split("|") for line in text.splitlines() if re.match(r"\| (P\d+)? *\|", line)]
missing, named = [], 0
for row in rows[1:] if rows else []:
    names = re.findall(r"`([^` ]+)`", row[3]) if len(row) > 3 else []
    named += len(names)
    missing += [f"{row[1].strip() or row[2].strip()[:40]}: no test {n}" for n in names if not fnmatch.filter(tests, n)]
    if not names:
        missing.append(f"{row[2].strip()[:60]}: names no test")
if len(rows) < 15 or named < 30:
    missing.append("the table of promises was not found")
print("\n".join(missing) or f"{named} names of tests in {len(rows)} promises")
sys.exit(bool(missing))
