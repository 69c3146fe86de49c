# SPDX-License-Identifier: Apache-2.0
"""Streams of made-up clips, and that those of the shared sets keep training clips out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import words
from tflm_mcunet import tasks
from zoo.recipes import keyword_streams
from zoo.recipes.keyword_streams import PAUSE_SECONDS
from zoo.recipes.keyword_tasks import WORDS


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tasks.Dataset:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = words(tmp_path / "clips", ("no", "yes", "up"), speakers=40)
    noise = np.random.default_rng(0).normal(0, 500, 60 * 16000).astype(np.int16)
    loaded = tasks.load(root, "kws", keywords=("no", "yes"))
    noises = {"train": [], "val": [noise], "test": [noise]}
    return tasks.Dataset(
        loaded.classes, loaded.train, loaded.val, loaded.test, noise=noises, rate=16000
    )


def test_every_keyword_is_in_the_stream_after_a_pause(clips: tasks.Dataset) -> None:
    stream = keyword_streams.embedded(clips, "val", np.random.default_rng(0))
    expected = np.bincount(clips.val.y, minlength=4)[:2]
    found = np.bincount([word.label for word in stream.words], minlength=2)
    np.testing.assert_array_equal(found, expected)
    end = 0
    for word in stream.words:
        low, high = (round(16000 * seconds) for seconds in PAUSE_SECONDS)
        assert low <= word.begin - end <= high
        assert word.end - word.begin == 16000
        loud, pause = (
            np.abs(part.astype(float)).mean()
            for part in (stream.pcm[word.begin : word.end], stream.pcm[end : word.begin])
        )
        assert loud > 2 * pause  # at least 10 dB
        end = word.end
    assert end == len(stream.pcm)


def test_streams_of_a_folder_have_its_noise_and_its_unknown_words(
    clips: tasks.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tasks, "load", lambda *_, **__: clips)
    streams = keyword_streams.without_keywords("kws-commands", tmp_path, "val")
    unknown = int((clips.val.y == 2).sum())
    assert {what: len(stream.pcm) for what, stream in streams.items()} == {
        "noise": 60 * 16000,
        "unknown words": unknown * 16000,
    }
    assert not any(stream.words for stream in streams.values())


@pytest.mark.parametrize("task", ["kws-ar", "kws-wake"])
def test_shared_streams_choose_and_judge_with_different_clips(task: str, shared_data: Path) -> None:
    folder = shared_data / "kws"
    heard = {
        split: keyword_streams.without_keywords(task, folder, split) for split in ("val", "test")
    }
    trained = {clip.tobytes() for clip in WORDS[task].with_negatives(folder).train.x}
    seconds: dict[str, set[bytes]] = {}
    for split, streams in heard.items():
        pieces = [stream.pcm.reshape(-1, 16000) for stream in streams.values()]
        seconds[split] = {second.tobytes() for part in pieces for second in part}
        assert sum(len(part) for part in pieces) > 1000
    assert not seconds["val"] & seconds["test"]
    assert not (seconds["val"] | seconds["test"]) & trained
