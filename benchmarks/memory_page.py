# SPDX-License-Identifier: Apache-2.0
"""results/memory.md and the table in README.md, both from results/memory.json."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table

_INPUT = {False: "whole", True: "row-fed"}


def page(figures: Json) -> str:
    """The whole page."""
    models = list(figures["models"].values())
    parts = [
        "# Memory",
        provenance_text(figures),
        summary(figures),
        "## Goals",
        _GOALS,
        markdown(_goals_table(figures)),
        *_explanations(figures),
        "## The smallest arena of TensorFlow Lite Micro",
        _ARENA,
        markdown(_arena_table(models)),
        "## All conversions",
        _CONVERSIONS,
        markdown(_conversions_table(models)),
        "## Pareto fronts, row-fed",
        _FRONTS,
        markdown(_fronts_table(models)),
        "## Quoted",
        "\n".join(f"* {name}: {text}" for name, text in figures["references"]["sources"].items()),
        "## Inputs",
        sha256_text(models),
    ]
    return "\n\n".join(parts) + "\n"


_COUNTED = """\
Bytes of activations, line buffers and scratch at the peak, input and output included; where the
input is fed row by row (a camera line, an audio frame), only the rows still needed. TFLite-Micro:
its tensors and scratch, measured; its own structures come on top. TinyEngine, msf-CNN and the
MCUNetV2 paper: quoted. At 1.000× MACs nothing is computed twice."""

_GOALS = """\
What this project set out to reach, at exactly 1.000× MACs unless the goal says otherwise; "all
passes" is the default conversion, "no dead channels" leaves out the pass that removes channels
which are always zero."""

_ARENA = """\
Bytes of the smallest arena that the interpreter accepts on a 64-bit host (one byte less fails),
and the part of it that holds tensors and scratch. Outputs: differing bytes over all samples."""

_CONVERSIONS = """\
Least peak within a limit of MACs. The lower bound is that of the chosen schedule: bytes alive at
its fullest moment. MACs are relative to the layers of the converted model, and to the original."""

_FRONTS = "Peak bytes at MACs relative to the layers; no other schedule found is better in both."


# ---- The table in README.md --------------------------------------------------------------------


def summary(figures: Json) -> str:
    """What README.md shows."""
    references = figures["references"]["models"]
    headers = (
        "<Model",
        "TFLite-Micro today",
        "TinyEngine",
        "Other work",
        "Ours, whole input",
        "Ours, row-fed",
        "Ours, row-fed, ≤ 1.10× MACs",
    )
    rows = tuple(
        _summary_row(model, references[key]["quoted"]) for key, model in figures["models"].items()
    )
    return f"{markdown(Table(headers, rows))}\n\n{_COUNTED}"


def _summary_row(model: Json, quoted: list[Json]) -> tuple[str, ...]:
    tinyengine = [q for q in quoted if q["source"] == "tinyengine"]
    others = [q for q in quoted if q["source"] != "tinyengine"]
    within = _one(model, row_fed=True, ratio=1.1)
    return (
        model["title"],
        f"{model['today']['arena']['non_persistent']:,}",
        "<br>".join(map(_quoted_text, tinyengine)),
        "<br>".join(map(_quoted_text, others)),
        f"**{_one(model, row_fed=False)['peak_bytes']:,}**",
        f"**{_one(model, row_fed=True)['peak_bytes']:,}**",
        f"{within['peak_bytes']:,} ({within['macs_ratio']:.3f}×)",
    )


_NAMES = {"tinyengine": "", "msf-cnn": "msf-CNN ", "mcunetv2": "MCUNetV2 "}


def _quoted_text(quote: Json) -> str:
    ratio = f"{quote['macs_ratio']:.3f}×" if "macs_ratio" in quote else ""
    notes = ", ".join(note for note in (ratio, quote.get("note", "")) if note)
    return f"{_NAMES[quote['source']]}{quote['bytes']:,}" + (f" ({notes})" if notes else "")


# ---- Goals -------------------------------------------------------------------------------------


def _one(model: Json, *, row_fed: bool, ratio: float | None = 1.0, dead: bool = True) -> Json:
    wanted = (row_fed, ratio, dead)
    found: Json = next(
        made
        for made in model["ours"]
        if (made["row_fed"], made["most_macs_ratio"], made["dead_channels"]) == wanted
    )
    return found


def _reached(model: Json, goal: str, *, dead: bool) -> int | None:
    """Our figure for a goal; None where it is not measured."""
    if goal == "tflm_arena":
        arena = _one(model, row_fed=False, dead=dead)["arena"]
        return None if arena is None else int(arena["total"])
    if goal == "convolution_macs":
        return int(_one(model, row_fed=False, dead=dead)["convolution_macs"])
    ratio = 1.1 if goal == "row_fed_110" else 1.0
    made = _one(model, row_fed=goal != "whole", ratio=ratio, dead=dead)
    return int(made["peak_bytes"])


_GOAL_TITLES = {
    "whole": "peak, whole input",
    "row_fed": "peak, row-fed",
    "row_fed_110": "peak, row-fed, ≤ 1.10× MACs",
    "tflm_arena": "smallest arena, whole input",
    "convolution_macs": "MACs of convolutions",
}

_PEAKS = ("whole", "row_fed", "row_fed_110")


def _goals(figures: Json) -> Iterator[tuple[Json, str, int]]:
    """Model, goal and its figure."""
    for key, model in figures["models"].items():
        for goal, value in figures["references"]["models"][key]["goals"].items():
            yield model, goal, value


def _goals_table(figures: Json) -> Table:
    headers = ("<Model", "<goal", "at most", "all passes", "<", "no dead channels", "<")
    rows = []
    for model, goal, value in _goals(figures):
        cells = [model["title"], _GOAL_TITLES[goal], f"{value:,}"]
        for dead in (True, False):
            reached = _reached(model, goal, dead=dead)
            cells += ["", ""] if reached is None else [f"{reached:,}", _verdict(reached, value)]
        rows.append(tuple(cells))
    return Table(headers, tuple(rows))


def _verdict(reached: int, goal: int) -> str:
    return "met" if reached <= goal else "not met"


def _explanations(figures: Json) -> Iterator[str]:
    """For each peak that is not met: what bounds it, and what more MACs buy."""
    for model, goal, value in _goals(figures):
        reached = _reached(model, goal, dead=True)
        if goal in _PEAKS and reached is not None and reached > value:
            yield _explanation(model, goal, value, reached)


def _explanation(model: Json, goal: str, value: int, reached: int) -> str:
    row_fed = goal != "whole"
    title = f"**{model['title']}, {_GOAL_TITLES[goal]}: {reached:,} against {value:,}.**"
    bound = _one(model, row_fed=row_fed)["no_recomputation"]
    return " ".join([title, *_bound_text(goal, bound), _front_text(model, row_fed, value)])


def _bound_text(goal: str, bound: Json) -> list[str]:
    if goal == "row_fed_110" or not bound["bytes"]:
        return []
    tensors = " + ".join(f"{size:,} `{name}`" for name, size in bound["tensors"])
    moment = bound["moment"].replace("'", "`")
    return [
        f"Whatever computes nothing twice holds at least {bound['bytes']:,} bytes {moment}: "
        f"{tensors}."
    ]


def _front_text(model: Json, row_fed: bool, value: int) -> str:
    """The least work at which the goal's bytes are reached, or else the least bytes."""
    front = _one(model, row_fed=row_fed, ratio=None)["front"]
    peak, ratio = next((point for point in front if point[0] <= value), front[-1])
    if ratio == 1.0:
        return "Computing some of it twice does not help."
    return f"Where some of it is computed twice, it needs {peak:,} at {ratio:.3f}× MACs."


# ---- Further tables ----------------------------------------------------------------------------


def _arena_table(models: list[Json]) -> Table:
    headers = (
        *("<Model", "original", "tensors", "ours, whole", "tensors", "ours, row-fed", "tensors"),
        "samples",
        "differing bytes",
    )
    return Table(headers, tuple(map(_arena_row, models)))


def _arena_row(model: Json) -> tuple[str, ...]:
    shown = [_one(model, row_fed=row_fed) for row_fed in (False, True)]
    arenas = [model["today"]["arena"], *(made["arena"] for made in shown)]
    sizes = [f"{arena[part]:,}" for arena in arenas for part in ("total", "non_persistent")]
    samples = sum(made["samples"] for made in shown)
    differing = sum(made["differing_bytes"] for made in shown)
    return (model["title"], *sizes, str(samples), f"{differing:,}")


def _conversions_table(models: list[Json]) -> Table:
    headers = (
        *("<Model", "<input", "<dead channels", "limit", "peak", "lower bound", "gap", "MACs"),
        *("to layers", "to original"),
    )
    rows = [_conversion_row(model["title"], made) for model in models for made in _distinct(model)]
    return Table(headers, tuple(rows))


def _distinct(model: Json) -> Iterator[Json]:
    """Conversions but those that a higher limit of MACs does not change."""
    last: Json = {}
    for made in model["ours"]:
        keys = ("row_fed", "dead_channels", "peak_bytes", "macs")
        if not last or any(made[key] != last[key] for key in keys):
            yield made
        last = made


def _conversion_row(title: str, made: Json) -> tuple[str, ...]:
    peak, bound, limit = made["peak_bytes"], made["lower_bound_bytes"], made["most_macs_ratio"]
    return (
        title,
        _INPUT[made["row_fed"]],
        "removed" if made["dead_channels"] else "kept",
        "none" if limit is None else f"{limit:.2f}×",
        f"{peak:,}",
        f"{bound:,}",
        f"{peak - bound:,}",
        f"{made['macs']:,}",
        f"{made['macs_ratio']:.4f}×",
        f"{made['macs_ratio_to_original']:.4f}×",
    )


def _fronts_table(models: list[Json]) -> Table:
    rows = []
    for model in models:
        front = _one(model, row_fed=True, ratio=None)["front"]
        points = ", ".join(f"{peak:,} at {ratio:.3f}×" for peak, ratio in front)
        rows.append((model["title"], points))
    return Table(("<Model", "<front"), tuple(rows))
