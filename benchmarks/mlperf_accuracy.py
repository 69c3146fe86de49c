# SPDX-License-Identifier: Apache-2.0
"""MLPerf Tiny's reference models on its official accuracy sets, before and after conversion.

    python -m benchmarks.mlperf_accuracy --data ../shared/data

Can be stopped and started again. Writes results/mlperf_accuracy.json and
results/mlperf_accuracy.md; exit status 1 if a prediction or a byte of an output differs.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import checkpoint, mlperf_page, results, xnnpack
from benchmarks.mlperf_sets import TASKS, LabelledSet
from benchmarks.models import add_data_option
from benchmarks.results import Json
from tflm_mcunet import inference
from tflm_mcunet.conversion import Conversion, convert
from tflm_mcunet.host_process import HostProcess

ORIGINAL = "original"
XNNPACK = "original, in TFLite with XNNPACK"
"""Kernels that round differently; those of whom others quote."""

VARIANTS: dict[str, dict[str, Any]] = {
    "layer by layer": {"mode": "layer"},
    "whole input": {},
    "row-fed": {"row_fed": True},
}
"""Options of `convert`."""

BATCH = 50
REFERENCES = Path(__file__).parent / "mlperf_references.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    options = parser.parse_args()
    figures = results.provenance("benchmarks.mlperf_accuracy", packages=("pillow",))
    figures["references"] = json.loads(REFERENCES.read_text(encoding="utf-8"))
    with HostProcess() as host:
        figures["tasks"] = {key: measure(key, options.data, host) for key in TASKS}
    results.write("mlperf_accuracy", figures, mlperf_page.page)
    failures = mlperf_page.failures(figures)
    print("\n".join(failures) or "No prediction differs.")
    return 1 if failures else 0


def measure(key: str, data: Path, host: HostProcess) -> Json:
    """All figures of one task."""
    task = TASKS[key]
    path = data / task.model
    labelled = task.load(data / "mlperf_tiny")
    made = {name: convert(path, samples=0, **options) for name, options in VARIANTS.items()}
    models = {ORIGINAL: path.read_bytes()} | {name: each.model for name, each in made.items()}
    work = functools.partial(compare, models, labelled, host=host)
    begins = map(str, range(0, len(labelled.answers), BATCH))
    parts = checkpoint.run(f"mlperf-{key}", begins, lambda begin: work(int(begin)))
    return {
        "title": task.title,
        "set": task.set_name,
        "set_file": results.file_facts(_set_file(data, task.set_name)),
        "model": results.file_facts(path),
        "classes": list(labelled.classes),
        "samples": len(labelled.answers),
        "variants": {name: _variant(name, parts.values(), made) for name in models},
        "xnnpack": _total(XNNPACK, parts.values()),
    }


def compare(models: dict[str, bytes], labelled: LabelledSet, begin: int, host: HostProcess) -> Json:
    """Runs every model on one batch.

    Returns:
        For each model, `confusion` (rows: the answer, columns: the prediction), and
        `differing_predictions`, `compared_bytes` and `differing_bytes` against the original.
    """
    inputs = labelled.inputs[begin : begin + BATCH]
    answers = labelled.answers[begin : begin + BATCH]
    outputs = {name: _outputs(model, name, inputs, host) for name, model in models.items()}
    outputs[XNNPACK] = host.call(xnnpack.run, models[ORIGINAL], inputs, subject=XNNPACK)
    expected = outputs[ORIGINAL]
    return {name: _counts(expected, got, answers) for name, got in outputs.items()}


def _outputs(model: bytes, name: str, inputs: np.ndarray, host: HostProcess) -> np.ndarray:
    """int8 (n, classes)."""
    samples = [(one[np.newaxis],) for one in inputs]
    rows = host.call(inference.run, model, samples, subject=name)
    return np.concatenate([row[0] for row in rows if row is not None])


def _counts(expected: np.ndarray, got: np.ndarray, answers: np.ndarray) -> Json:
    classes = expected.shape[1]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (answers, got.argmax(axis=1)), 1)
    return {
        "confusion": confusion.tolist(),
        "differing_predictions": int(np.sum(expected.argmax(axis=1) != got.argmax(axis=1))),
        "compared_bytes": got.size,
        "differing_bytes": int(np.sum(expected != got)),
    }


def _variant(name: str, parts: Iterable[Json], made: dict[str, Conversion]) -> Json:
    """The sums over all batches, and the memory that the model needs."""
    before = next(iter(made.values())).before
    peak = made[name].planned.peak if name in made else before.peak_bytes
    return {"peak_bytes": peak, **_total(name, parts)}


def _total(name: str, parts: Iterable[Json]) -> Json:
    counts = [part[name] for part in parts]
    confusion = np.sum([count["confusion"] for count in counts], axis=0)
    sums: Counter[str] = Counter()
    for count in counts:
        sums.update({key: value for key, value in count.items() if key != "confusion"})
    accuracy = float(np.trace(confusion) / np.sum(confusion))
    return {"accuracy": accuracy, "confusion": confusion.tolist(), **sums}


def _set_file(data: Path, set_name: str) -> Path:
    (file,) = (p for p in (data / "mlperf_tiny").glob(f"{set_name}.*") if p.suffix != ".csv")
    return file


if __name__ == "__main__":
    sys.exit(main())
