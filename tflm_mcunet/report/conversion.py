# SPDX-License-Identifier: Apache-2.0
"""The report of a conversion: pictures, the page, and what the terminal shows."""

from __future__ import annotations

from collections.abc import Mapping

from tflm_converters.schedule.evaluate import Planned
from tflm_mcunet.conversion import Conversion
from tflm_mcunet.report import arena_picture, memory_picture, pareto_picture, terminal
from tflm_mcunet.report.page import KeyFigure, Section, render
from tflm_mcunet.report.point import Point
from tflm_mcunet.report.tables import (
    buffers_table,
    layers_table,
    pareto_table,
    passes_table,
    stages_table,
)
from tflm_mcunet.report.text import Table


def pictures(conversion: Conversion) -> dict[str, bytes]:
    """The pictures of the report, as PNG files by name."""
    best, before = conversion.planned, conversion.before
    front, chosen, original = _points(conversion)
    return {
        "memory.png": memory_picture.draw(before, best),
        "arena.png": arena_picture.draw(best.plan, best.layout.starts, name=before.name),
        "pareto.png": pareto_picture.draw(
            front, chosen, original, name=before.name, board=conversion.board
        ),
    }


def page(conversion: Conversion, drawn: Mapping[str, bytes]) -> str:
    """The report as one HTML page; `drawn` is what `pictures` gave."""
    best = conversion.planned
    sections = (
        Section("SRAM before and after", drawn["memory.png"], stages_table(best)),
        Section("The arena over time", drawn["arena.png"], buffers_table(best.plan)),
        Section("SRAM against work", drawn["pareto.png"], _front_table(conversion)),
        Section("What the passes changed", table=passes_table(conversion.passes)),
        Section("The original, layer by layer", table=layers_table(conversion.before)),
    )
    return render(conversion.before.name, _summary(conversion), _figures(conversion), sections)


def text(conversion: Conversion) -> str:
    """What the terminal shows."""
    passes = passes_table(conversion.passes)
    parts = [
        f"What the passes changed\n\n{passes}" if passes.rows else "No pass changed the model.",
        f"How it runs\n\n{stages_table(conversion.planned)}",
        f"SRAM against work: schedules that no other beats in both\n\n{_front_table(conversion)}",
        f"Result\n\n{_result_table(conversion)}",
        _parity_text(conversion),
        *_board_lines(conversion),
    ]
    return "\n\n".join(parts)


def _points(conversion: Conversion) -> tuple[list[Point], Point, Point]:
    """The front, the chosen point and the original."""
    before = conversion.before

    def point(planned: Planned) -> Point:
        return Point(planned.peak, planned.macs, before.macs_ratio(planned.macs))

    original = Point(before.peak_bytes, before.macs, 1.0)
    return [point(planned) for planned in conversion.front], point(conversion.planned), original


def _front_table(conversion: Conversion) -> Table:
    return pareto_table(*_points(conversion), conversion.board)


def _summary(conversion: Conversion) -> str:
    factor = conversion.before.peak_bytes / conversion.planned.peak
    return (
        f"{factor:.1f} times less SRAM for activations, at {conversion.macs_ratio:.3f} times the "
        f"multiply-accumulates. {_parity_text(conversion)}."
    )


def _figures(conversion: Conversion) -> list[KeyFigure]:
    best, before = conversion.planned, conversion.before
    figures = [
        KeyFigure(f"{before.peak_bytes:,} → {best.peak:,}", "bytes of activations at the peak"),
        KeyFigure(f"{best.lower_bound:,}", "bytes: no plan of this schedule can need less"),
        KeyFigure(f"{conversion.macs_ratio:.3f}×", "multiply-accumulates of the original"),
    ]
    if conversion.arena_before is not None and conversion.arena is not None:
        totals = f"{conversion.arena_before.total:,} → {conversion.arena.total:,}"
        figures.append(KeyFigure(totals, "bytes: the smallest arena of TFLite-Micro on this host"))
    if conversion.parity is not None:
        parity = conversion.parity
        meaning = f"differing bytes in {parity.samples} samples"
        figures.append(KeyFigure(f"{parity.differing_bytes:,}", meaning))
    return figures


def _result_table(conversion: Conversion) -> Table:
    best, before = conversion.planned, conversion.before
    rows = [_less("activations at the peak, bytes", before.peak_bytes, best.peak)]
    rows.append(("lower bound of this schedule, bytes", "", f"{best.lower_bound:,}", ""))
    if conversion.arena_before is not None and conversion.arena is not None:
        old, new = conversion.arena_before, conversion.arena
        rows.append(_less("smallest arena of TFLite-Micro, bytes", old.total, new.total))
        rows.append(_less("  for its own structures", old.persistent, new.persistent))
    rows.append(_less("model file, bytes", before.file_bytes, len(conversion.model)))
    ratio = f"{conversion.macs_ratio:.3f}×"
    rows.append(("multiply-accumulates", f"{before.macs:,}", f"{best.macs:,}", ratio))
    return Table(("<", "original", "converted", "<"), tuple(rows))


def _less(what: str, before: int, after: int) -> tuple[str, str, str, str]:
    """A row of the table of results."""
    remark = f"{before / after:.1f}× less" if after < before else ""
    return what, f"{before:,}", f"{after:,}", remark


def _parity_text(conversion: Conversion) -> str:
    if conversion.parity is None:
        return "The outputs were not compared (--samples 0)"
    return terminal.verdict_text(conversion.parity)


def _board_lines(conversion: Conversion) -> list[str]:
    board = conversion.board
    if board is None:
        return []
    sram = terminal.fit_text("SRAM", conversion.planned.peak, board.sram_bytes)
    flash = terminal.fit_text("flash", len(conversion.model), board.flash_bytes)
    return [f"{board.title}:\n  {sram}\n  {flash}"]
