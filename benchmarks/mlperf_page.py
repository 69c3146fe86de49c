# SPDX-License-Identifier: Apache-2.0
"""results/mlperf_accuracy.md from results/mlperf_accuracy.json."""

from __future__ import annotations

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table


def page(figures: Json) -> str:
    """The whole page."""
    tasks = figures["tasks"]
    parts = [
        "# Accuracy of MLPerf Tiny's reference models after conversion",
        provenance_text(figures),
        _verdict(figures),
        *(text for key in tasks for text in _task(key, figures)),
        "## Quoted",
        "\n".join(f"* {name}: {text}" for name, text in figures["references"]["sources"].items()),
        "## Inputs",
        sha256_text(file for task in tasks.values() for file in (task["model"], task["set_file"])),
    ]
    return "\n\n".join(parts) + "\n"


def failures(figures: Json) -> list[str]:
    """One line for each converted model that does not compute what the original does."""
    return [
        f"{task['model']['file']}, {name}: {variant['differing_predictions']:,} predictions and "
        f"{variant['differing_bytes']:,} bytes differ"
        for task in figures["tasks"].values()
        for name, variant in task["variants"].items()
        if variant["differing_predictions"] or variant["differing_bytes"]
    ]


def _verdict(figures: Json) -> str:
    found = failures(figures)
    if found:
        return "**Failures:**\n\n" + "\n".join(f"* {text}" for text in found)
    tasks = figures["tasks"].values()
    return (
        f"**Identical predictions**: on {sum(task['samples'] for task in tasks):,} official "
        "stimuli, every converted model gives the original's outputs, byte for byte, in "
        "TensorFlow Lite Micro."
    )


def _task(key: str, figures: Json) -> list[str]:
    task, quoted = figures["tasks"][key], figures["references"]["tasks"][key]
    original, xnnpack = task["variants"]["original"], task["xnnpack"]
    return [
        f"## {task['title']}",
        f"`{task['model']['file']}` on {task['samples']:,} stimuli of `{task['set']}`. Quoted: "
        f"{quoted['accuracy']:.1%} on {quoted['of_samples']:,}; the benchmark asks for "
        f"{quoted['quality_target']:.0%}.",
        markdown(_variants(task)),
        "TFLite on a PC runs the original with the kernels of XNNPACK, which round differently "
        f"from the reference kernels: {xnnpack['accuracy']:.2%}, with "
        f"{xnnpack['differing_predictions']:,} predictions that differ from the above.",
        "The original's predictions (columns) of each class (rows); those of the converted models "
        "are the same."
        if not failures(figures)
        else "The original's predictions:",
        markdown(_confusion(task["classes"], original["confusion"])),
    ]


def _variants(task: Json) -> Table:
    headers = ("<model", "peak SRAM", "accuracy", "differing predictions", "differing bytes")
    rows = (
        (
            name,
            f"{variant['peak_bytes']:,}",
            f"{variant['accuracy']:.2%}",
            f"{variant['differing_predictions']:,}",
            f"{variant['differing_bytes']:,} of {variant['compared_bytes']:,}",
        )
        for name, variant in task["variants"].items()
    )
    return Table(headers, tuple(rows))


def _confusion(classes: list[str], confusion: list[list[int]]) -> Table:
    rows = (
        (name, *(f"{count:,}" if count else "" for count in row))
        for name, row in zip(classes, confusion, strict=True)
    )
    return Table(("<", *classes), tuple(rows))
