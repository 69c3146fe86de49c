# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo, figures
from tflm_mcunet.zoo.entry import Entry, ZooError
from tflm_mcunet.zoo.listening import Heard
from tflm_mcunet.zoo.results import Results


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An entry without models, but with results."""
    path = tmp_path / "tiny-photo"
    path.mkdir()
    fake_zoo.write_entry(path)
    figures.write(path)
    return path


def test_file_holds_all_figures(folder: Path) -> None:
    entry = Entry.read(folder)
    results = Results.read(entry)
    assert results is not None
    assert results.to_json(entry) == figures.results().to_json(entry)
    assert results.main_set(entry).accuracy == 0.8
    assert results.shipped(entry).peak_bytes == 2_000


def test_what_was_heard_is_kept_and_may_be_left_out(folder: Path) -> None:
    entry, path = Entry.read(folder), folder / "results.json"
    listening = {"noise": Heard(found=0, words=0, false_alarms=2, hours=0.5)}
    made = dataclasses.replace(figures.results(), listening=listening)
    content = made.to_json(entry)
    path.write_text(json.dumps(content))
    assert getattr(Results.read(entry), "listening", None) == listening
    del content["listening"]  # as in files of earlier versions
    path.write_text(json.dumps(content))
    assert getattr(Results.read(entry), "listening", None) == {}


def test_shipped_cost_is_that_of_the_entry(folder: Path) -> None:
    fake_zoo.write_entry(folder, conversion={"row_fed": True})
    entry = Entry.read(folder)
    results = Results.read(entry)
    assert results is not None and results.shipped(entry).peak_bytes == 1_500


def test_a_model_may_not_be_evaluated_yet(folder: Path) -> None:
    (folder / "results.json").unlink()
    assert Results.read(Entry.read(folder)) is None


def test_results_of_other_files_are_refused(folder: Path) -> None:
    fake_zoo.write_entry(folder, sha256={"model.tflite": "00"})
    with pytest.raises(ZooError, match="belongs to other files"):
        Results.read(Entry.read(folder))


@pytest.mark.parametrize("field", ["sets", "original", "costs"])
def test_damaged_results_are_named(folder: Path, field: str) -> None:
    path = folder / "results.json"
    content = json.loads(path.read_text())
    content[field] = {"nonsense": 1}
    path.write_text(json.dumps(content))
    with pytest.raises(ZooError, match="results.json' is damaged"):
        Results.read(Entry.read(folder))
