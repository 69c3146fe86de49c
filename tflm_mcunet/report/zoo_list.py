# SPDX-License-Identifier: Apache-2.0
"""The list of the models of all zoos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflm_mcunet.benchmark import estimated_ms, has_emulated_core
from tflm_mcunet.boards import Board
from tflm_mcunet.report.text import Table
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.results import Cost, Results, shipped_way

ABOUT_LIST = """\
Score: accuracy of the int8 model on its first test set, or AUC for anomalies. SRAM of
activations, as shipped; in C: arena, variables and a row of a row-fed input; TFLM: the smallest
arena of TensorFlow Lite Micro on a 64-bit host. Milliseconds are estimates, for Cortex-M4F only."""

_UNKNOWN = "–"

Listed = tuple[Entry, Results | None]
"""A model, with its figures if it has been evaluated."""


def models_table(models: Sequence[Listed], shown: Sequence[Board]) -> Table:
    """A row for each model; estimated milliseconds for each board."""
    headers = (
        "<model",
        "<task",
        "<input",
        "score",
        "SRAM",
        "in C",
        "in TFLM",
        "flash in C",
        "MACs",
        *(f"ms, {board.name}" for board in shown),
    )
    return Table(headers, tuple(_row(*model, shown) for model in models))


def _row(entry: Entry, results: Results | None, shown: Sequence[Board]) -> tuple[str, ...]:
    what = entry.name, entry.task, make_input(entry.input).title
    if results is None:
        return *what, *[_UNKNOWN] * (6 + len(shown))
    cost = results.shipped(entry)
    sizes = (
        cost.peak_bytes,
        cost.sram_bytes + cost.row_bytes,
        cost.tflm_arena_bytes,
        cost.flash_bytes,
        cost.macs,
    )
    return *what, score_text(entry, results), *(f"{n:,}" for n in sizes), *_times(cost, shown)


def _times(cost: Cost, shown: Sequence[Board]) -> list[str]:
    return [
        f"{estimated_ms(cost.instructions, board):,.1f}" if has_emulated_core(board) else _UNKNOWN
        for board in shown
    ]


def score_text(entry: Entry, results: Results) -> str:
    """Accuracy, or AUC for anomaly detection, whose classes are not equally frequent."""
    evaluation = results.main_set(entry)
    if entry.task == "anomaly detection" and evaluation.auc is not None:
        return f"AUC {evaluation.auc:.3f}"
    return f"{evaluation.accuracy:.1%}"


def listed_json(entry: Entry, results: Results | None, shown: Sequence[Board]) -> dict[str, Any]:
    """One model in `tflm-mcunet zoo list --json`; None for what is not known."""
    about = {
        "name": entry.name,
        "version": entry.version,
        "task": entry.task,
        "title": entry.title,
        "input": entry.input,
        "feeding": shipped_way(entry),
    }
    if results is None:
        return about | {"evaluated": False}
    cost, evaluation = results.shipped(entry), results.main_set(entry)
    return about | {
        "evaluated": True,
        "test_set": entry.test_sets[0],
        "accuracy": evaluation.accuracy,
        "auc": evaluation.auc,
        "peak_sram_bytes": cost.peak_bytes,
        "c_sram_bytes": cost.sram_bytes + cost.row_bytes,
        "tflm_arena_bytes": cost.tflm_arena_bytes,
        "flash_bytes": cost.flash_bytes,
        "macs": cost.macs,
        "instructions": cost.instructions,
        "estimated_ms": {
            board.name: estimated_ms(cost.instructions, board)
            for board in shown
            if has_emulated_core(board)
        },
    }
