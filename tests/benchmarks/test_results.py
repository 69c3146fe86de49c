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
    results,
    update_readme,
)
from benchmarks.memory import references
from benchmarks.models import TABLE_MODELS, BenchmarkModel
from benchmarks.results import Json
from tflm_mcunet import convert

PAGES: dict[str, Callable[[Json], str]] = {
    "audio": audio.page,
    "memory": memory_page.page,
    "mlperf_accuracy": mlperf_page.page,
    "parity": parity_page.page,
    "patches": patches_page.page,
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
