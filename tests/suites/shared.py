#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of ../shared/conformance:  shared.py FOLDER EDGERT CACHE PROGRAM [OPTIONS...]; 77 without it or its packages."""
import importlib.util
import pathlib
import subprocess
import sys

NEEDS = {"onnx_node.py": ("numpy", "onnx"), "tflite_ops.py": ("numpy", "ai_edge_litert")}


def main():
    folder, edgert, cache, program, *options = sys.argv[1:]
    path = pathlib.Path(folder) / program
    if not path.exists():
        sys.exit(print("skipped: ../shared/conformance is not beside the tree") or 77)
    for module in NEEDS[program]:
        if importlib.util.find_spec(module) is None:
            sys.exit(print(f"skipped: Python package {module} is not here") or 77)
    sys.exit(subprocess.call([sys.executable, path, "--edgert", edgert, "--cache", cache, *options]))


if __name__ == "__main__":
    main()
