# SPDX-License-Identifier: Apache-2.0
"""results/search_cost.md from results/search_cost.json."""

from __future__ import annotations

from benchmarks import results
from benchmarks.results import Json
from tflm_mcunet.report.text import Table
from tflm_mcunet.search.cost_model import CLOSE, CLOSE_IN_ONE_DIMENSION


def page(figures: Json) -> str:
    """The page."""
    optimizer = "; ".join(
        f"{made['equal_peaks']} of {made['networks']} "
        f"({'row-fed' if made['row_fed'] else 'whole input'})"
        for made in figures["optimizer"]
    )
    low, high = CLOSE["auto"]
    made = figures["speed"]["provenance"]
    speed = (
        f"Estimates were timed, the best of a few runs, by `{made['command']}` at commit "
        f"{made['commit'][:12]}."
    )
    narrow_low, narrow_high = CLOSE_IN_ONE_DIMENSION
    layer_low = CLOSE["layer"][0]
    return f"""# The search's cost model

{results.provenance_text(figures)}

Random networks of the papers' 12 × 9 grid of spaces (seed {figures["seed"]}). The *estimate* of
SRAM is the peak by which the converter's solver chooses a schedule; the search computes it for
batches of networks. The *exact* figure is the memory plan of that schedule. Both are compared with
what the converter's own tables, solver and planner give. Speeds are networks per second of
processor time on one core, everything included from the architecture to the four figures (SRAM,
flash, MACs, latency); the machine was shared with other work. {speed}

{results.markdown(_table(figures["settings"], figures["speed"]["estimates_per_second"]))}

The exact figure is also that of the whole optimizer, which looks at recomputing, too
(`tflm-mcunet convert` with its defaults), for {optimizer} further networks.

Whether a network fits a limit is decided by its exact figure if the estimate is between
{low:g} and {high:g} times the limit ({layer_low:g} with mode `layer`), and by the estimate if not.
For one-dimensional networks, the margins are {narrow_low:g} and {narrow_high:g}. They were chosen
by looking at such figures, those above among them, and are no proof. So they were tried on other
networks; each one outside could be decided wrongly if the limit lay between its two figures:

{results.markdown(_held_out(figures["held_out"]))}
"""


def _held_out(settings: list[Json]) -> Table:
    headers = ("<networks of", "<mode", "<input", "networks", "estimate / exact", "outside")
    rows = (
        (
            made["kind"],
            made["mode"],
            "row-fed" if made["row_fed"] else "whole",
            f"{made['networks']:,}",
            f"{made['least']:.3f} to {made['most']:.3f}",
            f"{made['outside']}",
        )
        for made in settings
    )
    return Table(headers, tuple(rows))


def _table(settings: list[Json], speeds: list[float]) -> Table:
    headers = (
        "<mode",
        "<input",
        "networks",
        "estimates/s",
        "exact/s",
        "estimate = solver's",
        "exact = planner's",
        "estimate = exact",
        "plan = lower bound",
        "estimate / exact: least, 5 %, median, 95 %, most",
    )
    rows = (
        (
            made["mode"],
            "row-fed" if made["row_fed"] else "whole",
            f"{made['networks']:,}",
            f"{speed:,.0f}",
            f"{made['plans_per_second']:,.1f}",
            f"{made['equal_estimates']:,}",
            f"{made['equal_peaks']:,}",
            f"{made['estimate_is_exact']:,}",
            f"{made['gap_zero']:,}",
            ", ".join(f"{ratio:.3f}" for ratio in made["estimate_over_exact"]),
        )
        for made, speed in zip(settings, speeds, strict=True)
    )
    return Table(headers, tuple(rows))
