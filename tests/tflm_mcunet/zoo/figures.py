# SPDX-License-Identifier: Apache-2.0
"""Results for tests: numbers that nothing was measured for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.evaluation import Evaluation, GroupErrors
from tflm_mcunet.zoo.results import ROW_FED, WHOLE, Cost, OriginalCost, Results


def evaluation(wrong: int) -> Evaluation:
    """Ten answers of two classes, some of them wrong, all of them for speaker b."""
    groups = {"speaker": {"a": GroupErrors(4, 0), "b": GroupErrors(6, wrong)}}
    confusion = np.array([[5, 0], [wrong, 5 - wrong]])
    return Evaluation(("nobody", "person"), confusion, 0.875, groups)


def cost(peak: int) -> Cost:
    return Cost(
        peak_bytes=peak,
        lower_bound_bytes=peak - 1,
        tflm_arena_bytes=5_003,
        file_bytes=7_777,
        macs=123_456,
        sram_bytes=2_100,
        row_bytes=21,
        stack_bytes=600,
        flash_bytes=30_000,
        code_bytes=20_000,
        instructions=640_000,
        samples=3,
        differing_bytes=0,
        spoiled_bytes=0,
    )


def results() -> Results:
    return Results(
        made={
            "command": "python -m zoo.recipes.evaluate tiny-photo",
            "commit": "0123456789abcdef",
            "uncommitted_sources": True,
            "python": "3.11.0",
            "packages": {"numpy": "2.0"},
        },
        sets={"a set": {"int8-ptq": evaluation(2), "fp32": evaluation(1)}},
        variants={"fp32": {"file": "float.tflite", "file_bytes": 9, "sha256": "abcd"}},
        original=OriginalCost(9_001, 12_345, 8_888, 4_321, 120_000),
        costs={WHOLE: cost(2_000), ROW_FED: cost(1_500)},
        refused={},
    )


def write(folder: Path) -> Results:
    """Gives a model's folder results; returns them."""
    made = results()
    (folder / "results.json").write_text(json.dumps(made.to_json(Entry.read(folder))))
    return made
