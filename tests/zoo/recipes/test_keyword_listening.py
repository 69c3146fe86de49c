# SPDX-License-Identifier: Apache-2.0
"""What counts as found and as a false alarm, and which detector is chosen."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.network_builder import NetworkBuilder
from tflm_converters import writer
from tflm_mcunet.audio import LogMel, LogMelConfig
from tflm_mcunet.conversion import convert
from tflm_mcunet.zoo.listening import Heard
from zoo.recipes import keyword_listening
from zoo.recipes.keyword_listening import Posteriors, choose, count, detector_of, total
from zoo.recipes.keyword_streams import Stream, Word

RATE, HOP = 16000, 1600  # a window ends every tenth of a second
LABELS = ("go", "stop", "unknown")
SECONDS = 10


def heard(peaks: dict[float, tuple[int, int]], words: tuple[Word, ...] = ()) -> Posteriors:
    """Posteriors of -128 but for (channel, value) at some times."""
    ends = np.arange(1, SECONDS * RATE // HOP + 1) * HOP
    values = np.full((ends.size, len(LABELS)), -128, np.int8)
    for seconds, (channel, value) in peaks.items():
        values[round(seconds * RATE) // HOP - 1, channel] = value
    return Posteriors(Stream(np.zeros(SECONDS * RATE, np.int16), RATE, words), values, ends)


def word(label: int, seconds: float) -> Word:
    begin = round(seconds * RATE)
    return Word(label, begin, begin + RATE)


DETECTOR = detector_of(LABELS, 0, window=1, refractory=2)


@pytest.mark.parametrize(
    ("at", "channel", "expected"),
    [
        (2.5, 0, (1, 0)),  # while it is spoken
        (3.7, 0, (1, 0)),  # a little later
        (3.8, 0, (0, 1)),  # too late
        (1.9, 0, (0, 1)),  # too early
        (2.5, 1, (0, 1)),  # as another word
        (2.5, 2, (0, 0)),  # unknown is never detected
    ],
)
def test_what_is_found(at: float, channel: int, expected: tuple[int, int]) -> None:
    result = count(heard({at: (channel, 100)}, (word(0, 2.0),)), DETECTOR)
    assert (result.found, result.false_alarms) == expected
    assert (result.words, result.hours) == (1, SECONDS / 3600)


def test_a_word_that_is_detected_twice_is_found_once() -> None:
    result = count(heard({2.3: (0, 100), 2.9: (0, 100)}, (word(0, 2.0),)), DETECTOR)
    assert (result.found, result.false_alarms) == (1, 0)


def test_streams_add_up() -> None:
    noisy = heard({1.0: (0, 50), 5.0: (1, 50)})
    assert total([noisy, noisy], DETECTOR) == Heard(0, 0, 4, 2 * SECONDS / 3600)


def test_thresholds_lie_above_false_alarms_and_as_high_as_each_word_allows() -> None:
    words = heard({2.5: (0, 90), 6.5: (1, 80)}, (word(0, 2.0), word(1, 6.0)))
    others = [heard({3.0: (1, 40)})]
    listening, found, alarms = choose(
        LABELS, words, others, new_rows=8, row_seconds=0.02, most_per_hour=1
    )
    assert (found.found, found.words, alarms.false_alarms) == (2, 2, 0)
    go, stop, unknown = listening.detector.thresholds
    assert listening.detector.window == 1
    assert 80 <= go < 90 and 72 <= stop < 80 and unknown == 127
    assert listening.detector.refractory == 7  # a second


def test_fewer_false_alarms_come_before_more_words() -> None:
    words = heard({2.5: (0, 40)}, (word(0, 2.0),))
    others = [heard({3.0: (0, 90)})]
    _, found, alarms = choose(LABELS, words, others, new_rows=8, row_seconds=0.02, most_per_hour=1)
    assert (found.found, alarms.false_alarms) == (0, 0)


def test_a_word_that_is_often_mistaken_leaves_the_others_their_thresholds() -> None:
    words = heard({2.5: (0, 100), 6.5: (1, 50)}, (word(0, 2.0), word(1, 6.0)))
    others = [heard({3.0: (0, 80)})]
    listening, found, alarms = choose(
        LABELS, words, others, new_rows=8, row_seconds=0.02, most_per_hour=1
    )
    assert (found.found, alarms.false_alarms) == (2, 0)
    assert listening.detector.thresholds[1] < 50 < 80 <= listening.detector.thresholds[0]


def test_some_false_alarms_may_be_tolerated() -> None:
    words = heard({2.5: (0, 40)}, (word(0, 2.0),))
    others = [heard({3.0: (0, 90)})]
    _, found, alarms = choose(
        LABELS, words, others, new_rows=8, row_seconds=0.02, most_per_hour=3600 / SECONDS
    )
    assert (found.found, alarms.false_alarms) == (1, 1)


def test_words_taken_for_others_do_not_count_as_false_alarms() -> None:
    words = heard({2.5: (1, 120), 6.5: (1, 60)}, (word(0, 2.0), word(1, 6.0)))
    _, found, alarms = choose(
        LABELS, words, [heard({})], new_rows=8, row_seconds=0.02, most_per_hour=1
    )
    assert (found.found, found.false_alarms, alarms.false_alarms) == (1, 1, 0)


def test_model_hears_the_rows_of_a_stream(tmp_path: Path) -> None:
    """Posteriors are the same for a network that is fed whole and one fed row by row."""
    rows, new_rows, front_end = 9, 4, LogMelConfig(bins=21)
    builder = NetworkBuilder(seed=3)
    x = builder.conv(builder.input(rows, front_end.bins, 1), 8, kernel=3, stride=2)
    pooled = builder.mean(builder.conv(x, 8, kernel=3), keep_dims=False)
    builder.fully_connected(pooled, len(LABELS))
    model = tmp_path / "model.tflite"
    model.write_bytes(writer.write(builder.build()))
    rng = np.random.default_rng(0)
    louder = rng.integers(-9000, 9000, RATE) * np.linspace(0, 1, RATE) ** 3
    stream = Stream(louder.astype(np.int16), RATE)
    whole, row_fed = (
        keyword_listening.listen(
            convert(model, samples=0, row_fed=fed).model,
            front_end,
            stream,
            rows=rows,
            new_rows=new_rows,
        )
        for fed in (False, True)
    )
    features = LogMel(front_end).features(stream.pcm)
    assert len(whole.values) == (len(features) - rows) // new_rows + 1
    np.testing.assert_array_equal(whole.values, row_fed.values)
    assert len(np.unique(whole.values, axis=0)) > 1
    assert whole.ends[0] == (rows - 1) * front_end.hop + front_end.window
    assert dataclasses.astuple(count(whole, DETECTOR))[1] == 0
