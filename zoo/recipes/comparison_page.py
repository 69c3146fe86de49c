# SPDX-License-Identifier: Apache-2.0
"""results/zoo_comparison.md from results/zoo_comparison.json."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table

REFERENCE = "mlperf-"
"""How names of reference architectures begin, which verdicts are about."""

SHARE = 0.25
"""Of the SRAM of a reference, with which a model of the zoo should do better."""

_ABOUT = """\
Bytes; int8. *As it is*: the smallest arena that TensorFlow Lite Micro accepts for the model that
was trained, on a 64-bit host, its own structures included. *Converted*: the same, after conversion.
*SRAM in C*, *flash*, *instructions*: the converted model without an interpreter, on an emulated
Cortex-M4. What feeds a network, such as a window of samples, comes on top and is the same for
networks with the same input. Each network was trained once: what other seeds give, the
[auto-encoders](fan_seeds.md) show. How long a model of the zoo was trained, its card says: not
always as long as what stands beside it."""


def page(figures: Json) -> str:
    """The whole page."""
    models = figures["models"]
    parts = [
        "# The zoo beside other models, trained on the same data",
        provenance_text(figures),
        *(text for name in models for text in _model(name, models[name])),
        _ABOUT,
        "## Inputs",
        sha256_text(one["model"] for name in models for _, one in _all(name, models[name])),
    ]
    return "\n\n".join(parts) + "\n"


def _model(name: str, figures: Json) -> Iterator[str]:
    yield f"## {name}"
    yield "\n".join(f"* `{each}`: {one['title']}" for each, one in _all(name, figures))
    yield markdown(Table(_HEADERS, tuple(_row(each, one) for each, one in _all(name, figures))))
    measured_at = {each: one.get("commit") for each, one in _others(figures)}
    if any(measured_at.values()):
        texts = (f"`{each}` at commit {at[:12]}" for each, at in measured_at.items() if at)
        yield f"Measured, and trained by the recipe as it was then: {', '.join(texts)}."
    references = {each: one for each, one in _others(figures) if each.startswith(REFERENCE)}
    yield "\n".join(verdict(figures["zoo"], each, one) for each, one in references.items())
    yield "On each test set:"
    yield markdown(_sets_table(name, figures))


_HEADERS = (
    "<model",
    "score",
    "arena as it is",
    "converted",
    "SRAM in C",
    "flash in C",
    "MACs",
    "instructions",
)


def _row(name: str, figures: Json) -> tuple[str, ...]:
    counts = (
        "original_arena_bytes",
        "arena_bytes",
        "sram_bytes",
        "flash_bytes",
        "macs",
        "instructions",
    )
    return name, score_text(figures), *(f"{figures[what]:,}" for what in counts)


def verdict(ours: Json, name: str, other: Json) -> str:
    """Whether a model is better than another with a quarter of its SRAM, for both ways to run."""
    is_better = score(ours) > score(other)
    ways = {
        "in TensorFlow Lite Micro, converted beside the other as it is": ours["arena_bytes"]
        / other["original_arena_bytes"],
        "in C, both converted": ours["sram_bytes"] / other["sram_bytes"],
    }
    shares = "; ".join(
        f"{way}: {share:.0%} of the SRAM, {'reached' if is_better and share <= SHARE else 'missed'}"
        for way, share in ways.items()
    )
    return (
        f"* Better than `{name}` ({score_text(ours)} against {score_text(other)}: "
        f"{'yes' if is_better else 'no'}) with {SHARE:.0%} of its SRAM? {shares}."
    )


def score(figures: Json) -> float:
    """Accuracy on the first test set, or AUC for anomaly detection."""
    first = next(iter(figures["sets"].values()))
    return float(first["auc"] if figures["task"] == "anomaly detection" else first["accuracy"])


def score_text(figures: Json) -> str:
    if figures["task"] == "anomaly detection":
        return f"AUC {score(figures):.3f}"
    return f"{score(figures):.1%}"


def _sets_table(name: str, figures: Json) -> Table:
    rows = (
        (each, of_set, f"{one['samples']:,}", f"{one['accuracy']:.1%}", _auc(one))
        for each, model in _all(name, figures)
        for of_set, one in model["sets"].items()
    )
    return Table(("<model", "<test set", "samples", "accuracy", "AUC"), tuple(rows))


def _auc(one: Json) -> str:
    return "–" if one["auc"] is None else f"{one['auc']:.3f}"


def _all(name: str, figures: Json) -> list[tuple[str, Json]]:
    return [(name, figures["zoo"]), *_others(figures)]


def _others(figures: Json) -> list[tuple[str, Json]]:
    return list(figures["others"].items())
