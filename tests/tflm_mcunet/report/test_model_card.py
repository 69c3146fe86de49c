# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo, figures
from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.evaluation import GroupErrors
from tflm_mcunet.zoo.listening import Heard


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    folder = tmp_path / "tiny-photo"
    folder.mkdir()
    fake_zoo.write_entry(folder, conversion={"row_fed": True}, sha256={"model.tflite": "1234"})
    return Entry.read(folder)


def test_card_says_what_is_known(entry: Entry) -> None:
    card = model_card.markdown(entry, figures.results())
    for line in (
        "# tiny-photo: A network of random weights",
        "| Answers | nobody, person |",
        "| random numbers | training | CC0 |",
        "| a set | int8-ptq | 10 | 80.00% | 0.875 |",
        "| a set | fp32 | 10 | 90.00% | 0.875 |",
        "| person | 2 | 3 |",
        "| b | 6 | 2 | 33.3% |",
        "|  | original | whole input | row-fed (shipped) |",
        "| activations | 9,001 | 2,000 | 1,500 |",
        "| SRAM in C |  | 2,121 | 2,121 |",
        "| instructions, Cortex-M4 |  | 640,000 | 640,000 |",
        "| Arduino Nano 33 BLE | 64 MHz | 16.0 ms |",
        "python -m zoo.recipes.evaluate tiny-photo",
        "Evaluated at commit 0123456789ab with uncommitted changes, Python 3.11.0, numpy 2.0.",
        "* `model.tflite`: sha256 1234",
        "* `float.tflite`: sha256 abcd",
    ):
        assert line in card.splitlines()


def test_card_of_a_model_that_listens(entry: Entry) -> None:
    listening = {
        "words in noise": Heard(found=199, words=200, false_alarms=1, hours=0.25),
        "other speech": Heard(found=0, words=0, false_alarms=0, hours=0.4),
        "noise": Heard(found=0, words=0, false_alarms=1, hours=0.1),
    }
    results = dataclasses.replace(figures.results(), listening=listening)
    card = model_card.markdown(entry, results)
    for line in (
        "| words in noise | 15.0 | 200 | 99.5% | 1 | 4.0 | 19.0 |",
        "| other speech | 24.0 |  |  | 0 | 0.0 | 7.5 |",
        "| all without keywords | 30.0 |  |  | 1 | 2.0 | 9.5 |",
    ):
        assert line in card.splitlines()
    assert "## Listening" not in model_card.markdown(entry, figures.results())


def test_card_without_results_says_so(entry: Entry) -> None:
    card = model_card.markdown(entry, None)
    assert "Not evaluated yet." in card
    assert "python -m zoo.recipes.nothing" in card
    assert "## Accuracy" not in card


def test_ways_that_are_not_there_have_a_reason(entry: Entry) -> None:
    results = dataclasses.replace(figures.results(), refused={"row-fed": "It needs all rows."})
    assert "Row-fed: not possible. It needs all rows." in model_card.markdown(entry, results)


def test_the_worst_groups_come_first() -> None:
    groups = {f"g{n:02}": GroupErrors(10, n % 10) for n in range(20)}
    evaluation = dataclasses.replace(figures.evaluation(0), groups={"place": groups})
    rows = model_card.groups_table(evaluation, "place").rows
    assert rows[0] == ("g09", "10", "9", "90.0%")
    assert len(rows) == 15
