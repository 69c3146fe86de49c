# SPDX-License-Identifier: Apache-2.0
"""Every model of this repository's zoo: its files belong together, and figures are measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflm_mcunet.report import model_card
from tflm_mcunet.verify import verify
from tflm_mcunet.zoo.entry import CARD, CONVERTED, ORIGINAL, Entry
from tflm_mcunet.zoo.model import ZooModel
from tflm_mcunet.zoo.results import Results
from zoo.recipes import seal
from zoo.recipes.cards import folders

FILES = {"model.tflite", "converted.tflite", "entry.json", "results.json", "card.md"}


@pytest.fixture(params=folders(), ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_all_files_are_there(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES


def test_card_is_what_entry_and_results_give(folder: Path) -> None:
    entry = Entry.read(folder)
    results = Results.read(entry)  # refuses results of other files
    assert results is not None
    written = (folder / CARD).read_text(encoding="utf-8")
    assert written == model_card.markdown(entry, results)


def test_figures_are_complete_and_no_byte_differs(folder: Path) -> None:
    entry = Entry.read(folder)
    results = Results.read(entry)
    assert results is not None
    assert set(results.sets) == set(entry.test_sets)
    for cost in results.costs.values():
        assert (cost.differing_bytes, cost.spoiled_bytes) == (0, 0)
    assert results.shipped(entry).file_bytes == len(entry.content(CONVERTED))


def test_files_are_those_of_the_entry(folder: Path) -> None:
    ZooModel(Entry.read(folder))  # refuses files with other digests
    seal.check(Entry.read(folder))


def test_converted_model_computes_what_the_original_does(folder: Path) -> None:
    entry = Entry.read(folder)
    verdict = verify(entry.content(ORIGINAL), entry.content(CONVERTED), samples=5)
    assert verdict.identical, verdict
