# SPDX-License-Identifier: Apache-2.0
"""What the models of the zoo are said to hear is what the page shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.zoo import figures
from tflm_mcunet.zoo.entry import Entry
from tflm_mcunet.zoo.listening import Heard
from tflm_mcunet.zoo.results import Results
from zoo.recipes import keyword_alarms, keyword_streams
from zoo.recipes.cards import MODELS
from zoo.recipes.keyword_streams import Stream


def test_page_adds_up_what_is_without_keywords() -> None:
    heard = {
        keyword_alarms.IN_NOISE: Heard(98, 100, 1, 0.1),
        "noise": Heard(0, 0, 0, 0.1),
        "other words": Heard(0, 0, 1, 0.4),
    }
    listened = {what: dataclasses.asdict(one) for what, one in heard.items()}
    page = keyword_alarms.page(figures.results().made | {"models": {"kws-xs": {"heard": listened}}})
    assert "| kws-xs | 100 | 98.0% | 1 | 30.0 | 1 | 2.0 | 9.5 |" in page.splitlines()


def test_a_model_without_a_detector_is_not_listened_with(tmp_path: Path) -> None:
    entry = dataclasses.replace(Entry.read(MODELS / "anomaly-fan"), folder=tmp_path)
    assert keyword_alarms.measure(entry, tmp_path) == {}


def test_streams_of_the_test_split_are_heard(
    monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    """The share that is evaluated in a moment: a few seconds of the noise."""
    asked: list[str] = []
    short = Stream(np.zeros(5 * 16000, np.int16), 16000)

    def stream(task: str, clips: Path, split: str) -> Stream:
        asked.append(split)
        return short

    monkeypatch.setattr(keyword_streams, "with_keywords", stream)
    monkeypatch.setattr(
        keyword_streams, "without_keywords", lambda *arguments: {"noise": stream(*arguments)}
    )
    found = keyword_alarms.measure(Entry.read(MODELS / "kws-wake-s"), shared_data)
    assert asked == ["test", "test"]
    assert set(found) == {keyword_alarms.IN_NOISE, "noise"}
    assert found["noise"] == Heard(0, 0, 0, 5 / 3600)  # nothing is heard in digital silence


@pytest.mark.parametrize("task", ["kws-ar", "kws-wake"])
@pytest.mark.parametrize("size", ["s", "m"])
def test_models_have_listened_to_all_streams(task: str, size: str) -> None:
    results = Results.read(Entry.read(MODELS / f"{task}-{size}"))
    assert results is not None
    assert {keyword_alarms.IN_NOISE, "noise", "unknown words"} < set(results.listening)
    assert sum(heard.hours for heard in results.listening.values() if not heard.words) > 0.4
