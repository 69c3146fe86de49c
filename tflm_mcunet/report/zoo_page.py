# SPDX-License-Identifier: Apache-2.0
"""The card of a model as a page with pictures."""

from __future__ import annotations

from tflm_mcunet.conversion import Conversion
from tflm_mcunet.report import arena_picture, confusion_picture, model_card
from tflm_mcunet.report.page import KeyFigure, Section, render
from tflm_mcunet.report.zoo_list import score_text
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.results import Results, shipped_way


def pictures(entry: Entry, results: Results | None, conversion: Conversion) -> dict[str, bytes]:
    """The arena of the converted model and, once evaluated, what it confuses, as PNG files."""
    best = conversion.planned
    drawn = {"arena.png": arena_picture.draw(best.plan, best.layout.starts, name=entry.name)}
    if results is not None:
        drawn["confusion.png"] = confusion_picture.draw(results.main_set(entry), name=entry.name)
    return drawn


def page(entry: Entry, results: Results | None, drawn: dict[str, bytes]) -> str:
    """The card as one HTML page, with the pictures."""
    sections = [Section("What it is", table=model_card.facts_table(entry))]
    if results is not None:
        sections += [
            Section("Accuracy", table=model_card.accuracy_table(results)),
            Section(
                f"Answers on {entry.test_sets[0]}",
                drawn["confusion.png"],
                model_card.confusion_table(results.main_set(entry)),
            ),
            Section("Memory and work", table=model_card.costs_table(entry, results)),
            Section("Latency, estimated", table=model_card.latency_table(results.shipped(entry))),
        ]
    sections += [
        Section("The arena over time", drawn["arena.png"]),
        Section("Data", table=model_card.data_table(entry)),
    ]
    summary = f"{entry.title}. For {entry.intended_use} Limits: {entry.limits}"
    return render(entry.name, summary, _key_figures(entry, results), sections)


def _key_figures(entry: Entry, results: Results | None) -> list[KeyFigure]:
    if results is None:
        return []
    cost = results.shipped(entry)
    return [
        KeyFigure(score_text(entry, results), f"on {entry.test_sets[0]}, in int8"),
        KeyFigure(
            f"{cost.peak_bytes:,}", f"bytes of activations at the peak, {shipped_way(entry)}"
        ),
        KeyFigure(f"{cost.flash_bytes:,}", "bytes of flash in C"),
        KeyFigure(f"{cost.instructions:,}", "instructions of a Cortex-M4 per inference"),
    ]
