# SPDX-License-Identifier: Apache-2.0
"""Folders of words: lengths, rates, speakers, noise, broken files, clear errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import RATE, save_clip, tone, words
from tflm_converters.errors import DataError
from tflm_mcunet.tasks import audio
from tflm_mcunet.tasks.audio import ClipFormat, fitted, resampled
from tflm_mcunet.tasks.dataset import Dataset

SECOND = ClipFormat()


def load(root: Path, tmp_path: Path, **options: object) -> Dataset:
    return audio.load_folder(root, SECOND, cache_folder=tmp_path / "cache", **options)  # type: ignore[arg-type]


def test_a_folder_of_words(tmp_path: Path) -> None:
    dataset = load(words(tmp_path / "w"), tmp_path)
    assert dataset.classes == ("no", "yes", "silence")
    assert dataset.rate == RATE and dataset.example_shape == (RATE,)
    spoken = sum(int((part.y < 2).sum()) for part in dataset.splits.values())
    assert spoken == 120 and not dataset.skipped
    assert [len(part) for part in dataset.noise.values()] == [1, 1, 1]
    assert min(len(part) for part in dataset.splits.values()) > 0


def test_speakers_are_in_one_split(tmp_path: Path) -> None:
    dataset = load(words(tmp_path / "w"), tmp_path)
    speakers = [set(part.group.tolist()) - {"silence"} for part in dataset.splits.values()]
    assert len(set.union(*speakers)) == sum(map(len, speakers)) == 30


def test_other_words_are_unknown(tmp_path: Path) -> None:
    root = words(tmp_path / "w", ("no", "yes", "tree", "_unknown_"))
    dataset = load(root, tmp_path, keyword_names=["yes"])
    assert dataset.classes == ("yes", "unknown", "silence")
    counts = np.bincount(dataset.train.y, minlength=3)
    assert counts[1] == 3 * counts[0] and counts[2] == counts[0]
    every = load(root, tmp_path)
    assert every.classes == ("no", "tree", "yes", "unknown", "silence")
    with pytest.raises(DataError, match="expected keywords among no, tree, yes; got maybe"):
        load(root, tmp_path, keyword_names=["maybe"])


def test_lists_of_speech_commands_decide(tmp_path: Path) -> None:
    root = words(tmp_path / "w", speakers=4)
    (root / "testing_list.txt").write_text("no/s00_nohash_1.wav\nyes/s01_nohash_1.wav\n")
    (root / "validation_list.txt").write_text("no/s02_nohash_0.flac\n")
    dataset = load(root, tmp_path)
    assert [int((part.y < 2).sum()) for part in dataset.splits.values()] == [13, 1, 2]


def test_silence_is_cut_from_the_noise_of_the_split(tmp_path: Path) -> None:
    dataset = load(words(tmp_path / "w"), tmp_path, seed=3)
    again = load(tmp_path / "w", tmp_path, seed=3)
    silent = dataset.train.take(dataset.train.y == 2)
    assert np.array_equal(silent.x, again.train.take(again.train.y == 2).x)
    (recording,) = dataset.noise["train"]
    starts = np.flatnonzero(recording[:-RATE] == silent.x[0][0])
    assert any(np.array_equal(recording[s : s + RATE], silent.x[0]) for s in starts)


def test_broken_clips_are_skipped(tmp_path: Path) -> None:
    root = words(tmp_path / "w", speakers=3)
    (root / "no" / "broken.wav").write_bytes(b"RIFF....")
    save_clip(root / "no" / "empty.wav", np.zeros(0, np.int16))
    (root / "_background_noise_" / "broken.wav").write_bytes(b"RIFF....")
    dataset = load(root, tmp_path)
    names = sorted(each.name for each in dataset.skipped)
    assert names == ["_background_noise_/broken.wav", "no/broken.wav", "no/empty.wav"]


def test_of_long_clips_the_loudest_part_is_taken() -> None:
    rng = np.random.default_rng(0)
    pcm = rng.integers(-9, 10, 3000).astype(np.int16)
    pcm[1200:1400] = 5000
    assert np.array_equal(fitted(pcm, 200), pcm[1200:1400])
    assert np.array_equal(fitted(pcm, 3000), pcm)


def test_short_clips_are_mirrored_at_their_ends() -> None:
    pcm = np.arange(1, 6, dtype=np.int16)
    assert fitted(pcm, 9).tolist() == [3, 2, 1, 2, 3, 4, 5, 4, 3]
    assert fitted(pcm[:1], 3).tolist() == [1, 1, 1]


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_resampled(rate: int) -> None:
    got = resampled(tone(440, rate=rate), rate, RATE)
    # Far from the ends, where the tone is cut off.
    error = got[2000:-2000].astype(float) - tone(440)[2000:-2000]
    assert got.size == RATE and np.abs(error).max() < 80


def test_stereo_becomes_mono(tmp_path: Path) -> None:
    both = np.stack([tone(300), np.zeros(RATE, np.int16)], 1)
    save_clip(tmp_path / "a.wav", both)
    got = audio.read_recording((tmp_path / "a.wav").read_bytes(), rate=RATE)
    assert np.abs(got - tone(300) / 2).max() <= 1


def test_wrong_folders_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with one sub-folder of .wav or .flac"):
        load(tmp_path, tmp_path)
    save_clip(tmp_path / "yes" / "1.wav", tone(300))
    with pytest.raises(DataError, match=r"found the words: \['yes'\]"):
        load(tmp_path, tmp_path)
