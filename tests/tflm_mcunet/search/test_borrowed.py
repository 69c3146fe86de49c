# SPDX-License-Identifier: Apache-2.0
"""What is refused before anything is loaded; test_pipeline.py has whole runs with one supernet."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from tests.tflm_mcunet.search import tiny_run
from tflm_converters.errors import SettingsError
from tflm_mcunet.search import borrowed
from tflm_mcunet.search.request import SPACE_FILE, Request

_REQUEST = Request(task="vww", data="photos", board="nano33ble")
_CHOICE = {"resolution": 96, "width": 0.5}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Of another search that has chosen its space, and not more."""
    _REQUEST.keep(tmp_path)
    (tmp_path / SPACE_FILE).write_text(json.dumps(_CHOICE))
    return tmp_path


def test_space_is_that_of_the_other_run(run: Path) -> None:
    smaller = dataclasses.replace(_REQUEST, sram=1 << 14, max_resolution=96)
    assert borrowed.space_choice(smaller, run) == _CHOICE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "kws-ar"}, "trained for the task vww, expected kws-ar"),
        ({"task": "kws", "keywords": ("yes",)}, "trained for the task vww, expected kws"),
        ({"max_resolution": 80}, "images of 96 pixels, expected at most 80"),
    ],
)
def test_other_tasks_and_sizes_are_refused(
    run: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        borrowed.space_choice(dataclasses.replace(_REQUEST, **change), run)  # type: ignore[arg-type]


def test_supernet_must_be_trained(run: Path) -> None:
    with pytest.raises(SettingsError, match="holds no trained supernet: finish that search first"):
        borrowed.evaluator(run, tiny_run.SPACE, tiny_run.material())
