# SPDX-License-Identifier: Apache-2.0
"""results/instructions.md, from results/instructions.json."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from benchmarks.results import Json, markdown, provenance_text, sha256_text
from tflm_mcunet.report.text import Table

_LAYERS = "layers"
_ALL_CHANNELS = "layers, all channels"
_LEAST = "layers, least SRAM"
_STREAMED = ("streamed", "streamed, slack", "row-fed", "row-fed, slack")


def page(figures: Json) -> str:
    """The whole page."""
    models = list(figures["models"].values())
    parts = [
        "# Instructions",
        provenance_text(figures),
        _METHOD,
        "## Per inference",
        _ABOUT_TOTALS,
        markdown(_totals(figures)),
        "## Goals",
        markdown(_goals(figures)),
        "## Memory and code",
        _ABOUT_SIZES,
        markdown(_sizes(figures)),
        "## By kind of layer",
        _ABOUT_LAYERS,
        markdown(_kinds(figures)),
        "## Quoted",
        "\n".join(f"* {name}: {text}" for name, text in figures["references"]["sources"].items()),
        "## Inputs",
        sha256_text(models),
    ]
    return "\n\n".join(parts) + "\n"


_METHOD = """\
QEMU's `mps2-an386` (Cortex-M4 with DSP and FPU) in instruction counting mode, a 25 MHz timer read
around one inference: exact to 40 instructions. `arm-none-eabi-gcc -mcpu=cortex-m4
-mfpu=fpv4-sp-d16 -mfloat-abi=hard`, the better of -O2 and -O3. Instructions are not cycles."""

_ABOUT_TOTALS = """\
Millions of instructions. Layers: one whole layer after the other, with all channels or without
those that are constant or never read, as in all columns behind. Least SRAM: layers cut into tiles,
down to pixels, so that outputs overwrite inputs. Streamed and row-fed: the schedules of least
SRAM; slack: with larger tiles, for up to 2 KiB more.
Others' figures are quoted; they compute all channels."""

_ABOUT_SIZES = """\
Bytes. SRAM is .data and .bss, for the plan in brackets; the stack of the whole firmware; code is
.text and .rodata of runtime and C library, flash has the model, too."""

_ABOUT_LAYERS = """\
All layers of a kind in all models above, in the per-layer schedule: instructions inside kernels,
requantization included, per multiply-accumulate (padded taps count)."""


def _totals(figures: Json) -> Table:
    headers = (
        *("<Model", "MACs", "TFLM + CMSIS-NN", "<TinyEngine, int / float", "<silicon, cycles"),
        *("layers, all channels", "**layers**", "least SRAM", *_STREAMED),
        "differing bytes",
    )
    return Table(headers, tuple(_total_row(*item) for item in _with_references(figures)))


def _with_references(figures: Json) -> Iterator[tuple[Json, Json]]:
    for key, model in figures["models"].items():
        yield model, figures["references"]["models"][key]


def _total_row(model: Json, quoted: Json) -> tuple[str, ...]:
    ours = model["variants"]
    count = {name: variant["instructions"] for name, variant in ours.items()}
    return (
        model["title"],
        f"{model['macs']:,}",
        _millions(quoted["cmsis"]),
        quoted["tinyengine"],
        quoted["published"],
        _millions(count[_ALL_CHANNELS]),
        f"**{_millions(count[_LAYERS])}**",
        *(_against(count[name], count[_LAYERS]) for name in (_LEAST, *_STREAMED)),
        f"{sum(v['differing_bytes'] + v['spoiled_bytes'] for v in ours.values()):,}",
    )


def _millions(count: int) -> str:
    return f"{count / 1e6:.3g} M" if count < 1e8 else f"{count / 1e6:.0f} M"


def _against(count: int, layers: int) -> str:
    return f"{_millions(count)} ({count / layers - 1:+.0%})"


def _goals(figures: Json) -> Table:
    rows = []
    for model, quoted in _with_references(figures):
        for dead, goal in quoted["goals"].items():
            reached = model["variants"][_LAYERS if dead == "removed" else _ALL_CHANNELS][
                "instructions"
            ]
            verdict = "met" if reached <= goal else f"not met: {reached / goal:.2f}×"
            rows.append((model["title"], dead, _millions(goal), _millions(reached), verdict))
    return Table(("<Model", "<dead channels", "at most", "reached", "<"), tuple(rows))


def _sizes(figures: Json) -> Table:
    headers = (
        *("<Model", "<schedule", "SRAM (plan)", "stack", "code", "flash"),
        *("TinyEngine's flash", "TFLM + CMSIS-NN's"),
    )
    rows = []
    for model, quoted in _with_references(figures):
        others = [quoted["tinyengine_flash"], quoted["cmsis_flash"]]
        for name in (_LAYERS, *_STREAMED):
            ours = model["variants"][name]
            rows.append(
                (
                    model["title"],
                    name,
                    f"{ours['sram_bytes']:,} ({ours['plan_bytes']:,})",
                    *(f"{ours[part]:,}" for part in ("stack_bytes", "code_bytes", "flash_bytes")),
                    *("" if size is None else f"{size:,}" for size in others),
                )
            )
    return Table(headers, tuple(rows))


def _kinds(figures: Json) -> Table:
    macs: collections.Counter[str] = collections.Counter()
    instructions: collections.Counter[str] = collections.Counter()
    for model in figures["models"].values():
        for layer in model["variants"][_LAYERS]["layers"]:
            kind = _kind(layer)
            macs[kind] += layer["macs"]
            instructions[kind] += layer["instructions"]
    quoted = figures["references"]["layers"]
    rows = (
        (
            kind,
            f"{macs[kind]:,}" if macs[kind] else "",
            f"{count:,}",
            f"{count / macs[kind]:.2f}" if macs[kind] else "",
            quoted.get(kind, ""),
        )
        for kind, count in instructions.most_common()
    )
    headers = ("<kind", "MACs", "instructions", "per MAC", "<others, single layers, per MAC")
    return Table(headers, tuple(rows))


def _kind(layer: Json) -> str:
    if not layer["macs"]:
        return str(layer["operator"])
    return f"{layer['operator']} {layer['kernel'][0]}×{layer['kernel'][1]}"
