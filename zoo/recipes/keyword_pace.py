# SPDX-License-Identifier: Apache-2.0
"""How often a model can listen: no more often than a board of 64 MHz has computed an inference."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.benchmark import bench

LEAST_ROWS = 8
"""More often than this nothing more is heard of a word."""

RESERVE = 0.1
"""Share of the time for front end, microphone and detector; the front end takes 7 %, see
benchmarks/results/audio.md."""


def rows_between(milliseconds: float, front_end: LogMelConfig) -> int:
    """New rows from one inference to the next, in which a board has computed one.

    Args:
        milliseconds: of an inference.
        front_end: whose rows they are.
    """
    row = 1000 * front_end.hop / front_end.rate
    return max(LEAST_ROWS, math.ceil(milliseconds / (row * (1 - RESERVE))))


def inference_ms(model: bytes) -> float:
    """Of a converted model on the Arduino Nano 33 BLE; an estimate, as on cards.

    Raises:
        EmulatorMissingError: cross compiler or emulator are not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "converted.tflite"
        file.write_bytes(model)
        milliseconds = bench(file, samples=1).estimated_ms
    assert milliseconds is not None  # the emulated core counts
    return milliseconds
