# SPDX-License-Identifier: Apache-2.0
"""A model listens as often as a board computes it."""

from __future__ import annotations

import pytest

from tflm_mcunet.audio import Listening, LogMelConfig
from tflm_mcunet.benchmark import estimated_ms
from tflm_mcunet.boards import get
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.results import Results
from zoo.recipes import keywords
from zoo.recipes.cards import MODELS
from zoo.recipes.keyword_pace import LEAST_ROWS, RESERVE, rows_between

FRONT_END = LogMelConfig()  # a row every 20 ms


@pytest.mark.parametrize(("milliseconds", "rows"), [(1.0, LEAST_ROWS), (180.0, 10), (180.1, 11)])
def test_rows_leave_time_for_an_inference_and_the_front_end(milliseconds: float, rows: int) -> None:
    assert rows_between(milliseconds, FRONT_END) == rows
    assert milliseconds <= rows * 20 * (1 - RESERVE)


@pytest.mark.parametrize("name", keywords.DEFAULT)
def test_models_of_the_zoo_lose_no_sound_at_64_mhz(name: str) -> None:
    entry = Entry.read(MODELS / name)
    results = Results.read(entry)
    assert results is not None
    inference = estimated_ms(results.shipped(entry).instructions, get("nano33ble"))
    listening = Listening.from_json(entry.output["listening"])
    assert listening.new_rows == rows_between(
        inference, LogMelConfig.from_json(entry.input["config"])
    )
