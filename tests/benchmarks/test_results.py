# SPDX-License-Identifier: Apache-2.0
"""Committed results: pages follow from the figures, figures from the converter as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import (
    audio,
    memory_page,
    mlperf_page,
    parity_page,
    patches_page,
    redistribution,
    results,
    search_cost_page,
    search_space_page,
    speed,
    supernet,
    update_readme,
)
from benchmarks.memory import references
from benchmarks.models import TABLE_MODELS, BenchmarkModel
from benchmarks.results import Json
from tflm_mcunet import convert
from tflm_mcunet.search.cost_model import CLOSE

PAGES: dict[str, Callable[[Json], str]] = {
    "audio": audio.page,
    "memory": memory_page.page,
    "mlperf_accuracy": mlperf_page.page,
    "parity": parity_page.page,
    "patches": patches_page.page,
    "supernet": supernet.page,
    "redistribution": redistribution.page,
    "search_cost": search_cost_page.page,
    "search_space": search_space_page.page,
    "speed": speed.page,
}
QUICK = [
    model for model in TABLE_MODELS if model.key in ("mcunet_vww1", "vww_96", "kws", "resnet8")
]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_made_from_the_figures(name: str) -> None:
    written = (results.RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert written == PAGES[name](results.read(name))


def test_readme_shows_the_measured_table(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert update_readme.between(readme) == memory_page.summary(results.read("memory"))


def test_figures_name_their_inputs() -> None:
    for model in results.read("memory")["models"].values():
        assert len(bytes.fromhex(model["sha256"])) == 32


def test_no_byte_differs() -> None:
    figures = results.read("parity")
    assert parity_page.failures(figures) == []
    assert figures["random"]["networks"] >= 2000
    runs = [run for model in figures["models"].values() for run in model["modes"].values()]
    assert all(run["samples"] >= 100 for run in runs if "error" not in run)
    assert all(count["schedules"] > 0 for count in figures["random"]["modes"].values())


def test_nobody_waits() -> None:
    figures = results.read("speed")
    assert figures["help"]["wall"] < speed.GOALS["help"]
    for model in figures["models"].values():
        for command in ("profile", "convert", "convert_row_fed"):
            assert model["seconds"][command]["wall"] < speed.GOALS[command], model["title"]


def test_sharing_weights_costs_little_and_changes_nothing() -> None:
    figures = results.read("supernet")
    assert supernet.ratio(figures["speed"], "processor_seconds") <= 1.5
    assert supernet.ratio(figures["speed"], "seconds") <= 1.5
    assert figures["extraction"]["networks"] >= 50
    assert figures["extraction"]["greatest_difference"] <= 1e-5


def test_the_search_counts_as_the_converter_does() -> None:
    figures = results.read("search_cost")
    for made in (*figures["settings"], *figures["optimizer"]):
        assert made["equal_peaks"] == made.get("equal_estimates", made["networks"])
        assert made["equal_peaks"] == made["networks"] > 0
    assert figures["settings"][0]["networks"] >= 500
    assert min(figures["speed"]["estimates_per_second"]) >= 2000


def test_no_estimate_was_off_by_more_than_the_search_allows_for() -> None:
    for made in results.read("search_cost")["settings"]:
        low, high = CLOSE[made["mode"]]
        least, *_, most = made["estimate_over_exact"]
        assert low <= least and most <= high


def test_hardly_any_other_estimate_is_outside_of_the_margins() -> None:
    for made in results.read("search_cost")["held_out"]:
        assert made["outside"] <= 0.01 * made["networks"]


def test_more_memory_moves_the_choice_of_the_space() -> None:
    sweeps = results.read("search_space")["sweeps"]
    inputs = [run["best"][0]["resolution"] for run in sweeps["sram"]]
    widths = [run["best"][0]["width"] for run in sweeps["flash"]]
    assert inputs == sorted(set(inputs)) and widths == sorted(set(widths))


def test_references_are_about_the_models_of_the_table() -> None:
    quoted = references()
    assert set(quoted["models"]) == {model.key for model in TABLE_MODELS}
    for model in quoted["models"].values():
        assert {quote["source"] for quote in model["quoted"]} <= set(quoted["sources"])
        assert all(quote["bytes"] > 0 for quote in model["quoted"])
        assert all(goal > 0 for goal in model["goals"].values())


@pytest.mark.parametrize("row_fed", [False, True])
@pytest.mark.parametrize("model", QUICK, ids=lambda model: model.key)
def test_converter_needs_no_more_than_the_table_says(
    model: BenchmarkModel, row_fed: bool, shared_data: Path
) -> None:
    (shown,) = (
        made
        for made in results.read("memory")["models"][model.key]["ours"]
        if made["dead_channels"] and made["most_macs_ratio"] == 1.0 and made["row_fed"] == row_fed
    )
    best = convert(model.file(shared_data), row_fed=row_fed, samples=0).planned
    assert best.peak <= shown["peak_bytes"]
    assert best.macs == shown["macs"]
