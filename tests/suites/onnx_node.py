#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ONNX project's backend tests, as its Python package carries them, through the command.

    onnx_node.py EDGERT WORK_FOLDER [OPTIONS OF `edgert run`...]

Each case that tensors in files can express runs; outputs are judged by the suite's own rules. onnx_node.txt lists every
case that does not pass, with the reason: a case that is not in the list must pass, and one that is must not.
"""
import collections
import fnmatch
import pathlib
import pickle
import sys
import tempfile
import warnings

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
    from onnx.backend.test.loader import load_model_tests
except ImportError as missing:
    print(f"skipped: Python package {missing.name} is not here")
    sys.exit(77)
import batch

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")


class Outside(Exception):
    """The case is not for this runtime; the text is the kind of reason."""


def array_of(value):
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if value is None or isinstance(value, (list, tuple, dict, onnx.SequenceProto, onnx.OptionalProto)):
        raise Outside("inputs or outputs that are sequences, maps or optionals")
    value = np.asarray(value)
    if value.dtype.kind in "OSU":
        raise Outside("text")
    if value.dtype.name.startswith("float8") or value.dtype.name.startswith("float4"):
        raise Outside("8- and 4-bit floats")
    if value.dtype.kind == "c":
        raise Outside("complex numbers")
    return batch.travelling(value)


def stored(folder, kind):
    """Values of a case that the package keeps in files."""
    for path in sorted(folder.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1])):
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        yield tensor


def write(test, model, folder):
    """Files and cases of one test."""
    if any("training" in o.domain for o in model.opset_import) or "training" in test.name or "gradient" in test.name:
        raise Outside("training")
    for value in [*model.graph.input, *model.graph.output]:
        if value.type.WhichOneof("value") not in ("tensor_type", None):
            raise Outside("inputs or outputs that are sequences, maps or optionals")
    sets = test.data_sets
    if sets is None:
        folders = sorted(pathlib.Path(test.model_dir).glob("test_data_set_*"))
        sets = [(list(stored(d, "input")), list(stored(d, "output"))) for d in folders]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for k, (inputs, outputs) in enumerate(sets):
        files = [folder / f"{k}_{i}.npy" for i in range(len(inputs))]
        for path, value in zip(files, inputs):
            np.save(path, array_of(value)[0])
        yield batch.Case(f"{folder.name}.{k}" if k else folder.name, folder / "model.onnx", files,
                         [array_of(v) for v in outputs], test.rtol, test.atol)


def cases_in(folder):
    """(cases, numbers of tests left out by reason); written once for a version of the package."""
    kept = folder / f"onnx-{onnx.__version__}.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    cases, outside = [], collections.Counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for kind in KINDS:
            for test in load_model_tests(kind=kind):
                model = test.model or onnx.load(pathlib.Path(test.model_dir) / "model.onnx")
                try:
                    cases += list(write(test, model, folder / "cases" / test.name.removeprefix("test_")))
                except Outside as reason:
                    outside[str(reason)] += 1
    part = kept.with_suffix(".new")
    part.write_bytes(pickle.dumps((cases, outside)))
    part.replace(kept)
    return cases, outside


def listed(path):
    rows = [line.split(None, 1) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [(pattern, reason.strip()) for pattern, reason in rows]


def main():
    edgert, folder, *options = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cases, outside = cases_in(folder)
    known, used, failed, not_run = listed(pathlib.Path(__file__).with_suffix(".txt")), set(), 0, 0
    with tempfile.TemporaryDirectory() as work:
        answers = batch.run(edgert, cases, pathlib.Path(work), options)
    for case in cases:
        answer = answers[case.name]
        wrong = answer.error if answer.code != 0 else batch.difference(case, answer.outputs)
        row = next((row for row in known if fnmatch.fnmatchcase(case.name, row[0])), None)
        if wrong is None and row is None:
            continue
        if wrong is not None and row is not None and answer.code in (0, 2):
            used.add(row)
            not_run += 1
            continue
        failed += 1
        print(f"{case.name}: {wrong or f'passes, but onnx_node.txt says: {row[1]}'}")
    for row in set(known) - used:
        failed += 1
        print(f"onnx_node.txt: no case is meant by {row[0]}")
    for reason, count in sorted(outside.items()):
        print(f"left out: {count} with {reason}")
    print(f"onnx {onnx.__version__}: {len(cases)} cases, {len(cases) - not_run - failed} pass, {not_run} are listed, {failed} fail")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
