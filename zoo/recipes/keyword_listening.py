# SPDX-License-Identifier: Apache-2.0
"""What a keyword model detects in a stream, through front end, network and detector of the device.

The network runs in TensorFlow Lite Micro, converted, row after row; features and detections come
from the C code that the sketch runs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from tqdm import tqdm

from tflm_mcunet import inference
from tflm_mcunet.audio import Detector, DetectorConfig, Listening, LogMel, LogMelConfig
from tflm_mcunet.audio.detector import NEVER
from tflm_mcunet.interpreter import Interpreter
from tflm_mcunet.tasks.keywords import SILENCE, UNKNOWN
from tflm_mcunet.zoo.listening import NOTHING, Heard
from zoo.recipes.keyword_streams import Stream

SLACK_SECONDS = 0.75
"""How long after a keyword it may be detected: most windows that hear its end lie there."""


@dataclasses.dataclass(frozen=True, eq=False)
class Posteriors:
    """The posteriors of all windows of a stream.

    `values`: int8, (windows, channels). `ends`: of the windows, in samples.
    """

    stream: Stream
    values: np.ndarray
    ends: np.ndarray


def listen(
    model: bytes, front_end: LogMelConfig, stream: Stream, *, rows: int, new_rows: int
) -> Posteriors:
    """Runs a model on a stream.

    Args:
        model: content of a `.tflite` file, converted, fed whole or row by row.
        front_end: what it was trained with.
        stream: what it hears.
        rows: of its input.
        new_rows: from one window to the next.
    """
    features = LogMel(front_end).features(stream.pcm)
    begins = range(0, len(features) - rows + 1, new_rows)
    interpreter = Interpreter.from_bytes(model)
    shape = (1, rows, front_end.bins, 1)
    posteriors = []
    for begin in tqdm(begins, desc="listening", leave=False, disable=None):
        outputs = inference.infer(interpreter, (features[begin : begin + rows].reshape(shape),))
        assert outputs is not None
        posteriors.append(outputs[0].ravel())
    ends = (np.array(begins) + rows - 1) * front_end.hop + front_end.window
    return Posteriors(stream, np.array(posteriors), ends)


def count(heard: Posteriors, config: DetectorConfig) -> Heard:
    """What a detector makes of posteriors.

    A keyword is found if it is detected from its beginning to `SLACK_SECONDS` after its end; every
    detection that finds none is a false alarm.
    """
    slack = round(SLACK_SECONDS * heard.stream.rate)
    detector = Detector(config)
    found: set[int] = set()
    false_alarms = 0
    words = heard.stream.words
    for end, posteriors in zip(heard.ends, heard.values, strict=True):
        label = detector.push(posteriors)
        if label is None:
            continue
        hits = [
            number
            for number, word in enumerate(words)
            if word.label == label and word.begin <= end <= word.end + slack
        ]
        found.update(hits)
        false_alarms += not hits
    return Heard(len(found), len(words), false_alarms, heard.stream.hours)


def total(heard: Sequence[Posteriors], config: DetectorConfig) -> Heard:
    """Of several streams together."""
    return sum((count(each, config) for each in heard), NOTHING)


def detector_of(
    labels: Sequence[str], threshold: int, *, window: int, refractory: int
) -> DetectorConfig:
    """One threshold for all keywords; what is no keyword is never detected."""
    return DetectorConfig(
        thresholds=tuple(threshold if _is_keyword(each) else NEVER for each in labels),
        window=window,
        refractory=refractory,
    )


def _is_keyword(label: str) -> bool:
    return label not in (UNKNOWN, SILENCE)


# ---- The choice of thresholds --------------------------------------------------------------------

THRESHOLDS = (*range(-64, 64, 16), *range(64, 112, 8), *range(112, 127, 2))
WINDOWS = (1, 2, 3, 4)
REFRACTORY_SECONDS = 1.0

_AS_GOOD = 0.02
"""Share of the keywords that a higher threshold may miss, for fewer false alarms elsewhere."""

CHOICE = f"windows {WINDOWS}, thresholds {THRESHOLDS}, {_AS_GOOD:.1%} as good"
"""How detectors are chosen."""


@dataclasses.dataclass(frozen=True)
class _Tried:
    config: DetectorConfig
    keywords: Heard
    others: Heard

    @property
    def merit(self) -> tuple[int, float]:
        """Among detectors that are as good: the highest thresholds, then most keywords."""
        return sum(self.config.thresholds), self.keywords.rate


def choose(
    labels: Sequence[str],
    keywords: Posteriors,
    others: Sequence[Posteriors],
    *,
    new_rows: int,
    row_seconds: float,
    most_per_hour: float,
) -> tuple[Listening, Heard, Heard]:
    """The detector that finds most keywords with few false alarms; on validation streams.

    No more of them in the streams without keywords than are tolerated, or else as few as there
    can be; then most keywords found; among thresholds that are as good, the highest: other streams
    than these have other false alarms. First one threshold for all keywords, then one keyword
    after the other gets its own.

    Args:
        labels: of the channels.
        keywords: a stream with keywords.
        others: streams without.
        new_rows: from one window to the next, as they were heard.
        row_seconds: from one row to the next.
        most_per_hour: false alarms that are tolerated.

    Returns:
        The detector, and what it makes of the stream with keywords and of the others.
    """

    def tried(configs: Iterable[DetectorConfig]) -> list[_Tried]:
        return [_Tried(each, count(keywords, each), total(others, each)) for each in configs]

    refractory = math.ceil(REFRACTORY_SECONDS / (new_rows * row_seconds))
    common = tried(
        detector_of(labels, threshold, window=window, refractory=refractory)
        for window in WINDOWS
        for threshold in THRESHOLDS
    )
    best = _best(common, most_per_hour, as_good=_AS_GOOD)
    for channel in (number for number, label in enumerate(labels) if _is_keyword(label)):
        own = tried(_with_threshold(best.config, channel, threshold) for threshold in THRESHOLDS)
        best = _best([best, *own], most_per_hour, as_good=0.0)
    return Listening(new_rows=new_rows, detector=best.config), best.keywords, best.others


def _best(tried: Sequence[_Tried], most_per_hour: float, *, as_good: float) -> _Tried:
    least = min(one.others.false_alarms for one in tried)
    most = max(least, math.floor(most_per_hour * tried[0].others.hours))
    quiet = [one for one in tried if one.others.false_alarms <= most]
    best = max(one.keywords.rate for one in quiet)
    return max((one for one in quiet if one.keywords.rate >= best - as_good), key=lambda o: o.merit)


def _with_threshold(config: DetectorConfig, channel: int, threshold: int) -> DetectorConfig:
    thresholds = list(config.thresholds)
    thresholds[channel] = threshold
    return dataclasses.replace(config, thresholds=tuple(thresholds))
