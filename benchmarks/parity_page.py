# SPDX-License-Identifier: Apache-2.0
"""results/parity.md from results/parity.json."""

from __future__ import annotations

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table


def page(figures: Json) -> str:
    """The whole page."""
    models, random = figures["models"], figures["random"]
    run = {stem: model for stem, model in models.items() if model["error"] is None}
    parts = [
        "# Parity",
        provenance_text(figures),
        _verdict(figures),
        "## Real models",
        "Differing bytes of all outputs over all inputs, against the original model in "
        'TensorFlow Lite Micro\'s reference kernels. "any MACs": least SRAM, whatever is '
        "computed twice.",
        markdown(_models_table(run)),
        *_notes("Cannot be fed row by row", _refusals(run)),
        *_notes(
            "Not compared, since TensorFlow Lite Micro or the converter refuses them",
            {stem: model["error"] for stem, model in models.items() if model["error"]},
        ),
        "## Random networks",
        f"{random['networks']:,} networks from seeds 0 to {random['networks'] - 1:,}, "
        f"{random['samples']} inputs each. A mode of the converter gives its schedules of least "
        "MACs and of least SRAM; random schedules are drawn from all that the scheduler knows, "
        "with random grids of patches, tiles and passes.",
        markdown(_random_table(random)),
        "What these schedules used:",
        markdown(_counts_table("<used", random["coverage"])),
        "Operators of the networks:",
        markdown(_counts_table("<operator", random["operators"])),
        "## Inputs",
        sha256_text(run.values()),
    ]
    return "\n\n".join(parts) + "\n"


def failures(figures: Json) -> list[str]:
    """One line for each comparison that differs or could not be made."""
    found = list(figures["random"]["failures"])
    for stem, model in figures["models"].items():
        for mode, made in model["modes"].items():
            if made.get("differing_bytes"):
                found.append(f"{stem}, {mode}: {made['differing_bytes']:,} bytes differ")
    return found


def _verdict(figures: Json) -> str:
    found = failures(figures)
    if found:
        return "**Failures:**\n\n" + "\n".join(f"* {text}" for text in found)
    real = [m for model in figures["models"].values() for m in model["modes"].values()]
    compared = sum(made.get("compared_bytes", 0) for made in real)
    counts = figures["random"]["modes"].values()
    return (
        f"**0 differing bytes**: {sum('samples' in made for made in real):,} conversions of real "
        f"models ({compared:,} bytes compared) and {sum(c['schedules'] for c in counts):,} "
        f"schedules of random networks ({sum(c['compared_bytes'] for c in counts):,} bytes)."
    )


def _models_table(models: dict[str, Json]) -> Table:
    modes = list(next(iter(models.values()))["modes"])
    rows = (
        (stem, *(_cell(model["modes"][mode]) for mode in modes), str(_samples(model)))
        for stem, model in models.items()
    )
    return Table(("<Model", *modes, "inputs"), tuple(rows))


def _cell(made: Json) -> str:
    return "–" if "error" in made else f"{made['differing_bytes']:,}"


def _samples(model: Json) -> int:
    return max(int(made.get("samples", 0)) for made in model["modes"].values())


def _refusals(models: dict[str, Json]) -> dict[str, str]:
    """Why a model has no conversion in some mode."""
    return {
        stem: made["error"]
        for stem, model in models.items()
        for made in model["modes"].values()
        if "error" in made
    }


def _notes(title: str, notes: dict[str, str]) -> list[str]:
    if not notes:
        return []
    return ["\n".join([f"{title}:\n", *(f"* {stem}: {text}" for stem, text in notes.items())])]


def _random_table(random: Json) -> Table:
    headers = ("<mode", "networks", "schedules", "compared bytes", "differing bytes")
    keys = ("networks", "schedules", "compared_bytes", "differing_bytes")
    rows = ((mode, *(f"{count[key]:,}" for key in keys)) for mode, count in random["modes"].items())
    return Table(headers, tuple(rows))


def _counts_table(title: str, counts: dict[str, int]) -> Table:
    return Table((title, "times"), tuple((name, f"{count:,}") for name, count in counts.items()))
