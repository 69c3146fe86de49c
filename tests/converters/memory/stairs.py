# SPDX-License-Identifier: Apache-2.0
"""Random buffers whose bands live like stairs, as rows of tensors do."""

from __future__ import annotations

import numpy as np

from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer, Role

Pairs = dict[tuple[int, int], Overlap]

TICKS = 12
UNIT = 4
"""All sizes and leads are multiples of this many bytes."""


def buffer(*bands: tuple[int, int, int, int], alignment: int = 1) -> Buffer:
    """A buffer as large as its last band: (begin, end, first tick, last tick) each."""
    array = np.array(bands, np.int64)
    return Buffer("buffer", Role.TENSOR, int(array[:, 1].max()), array, alignment)


def random_buffers(seed: int, *, most: int = 9, alignment: int = 1) -> tuple[list[Buffer], Pairs]:
    """Two buffers or more of up to five rows, some of them inputs and outputs of one group."""
    rng = np.random.default_rng(seed)
    buffers = [_stair(rng, alignment) for _ in range(rng.integers(2, most + 1))]
    pairs: Pairs = {}
    for source, read in enumerate(buffers):
        for target, written in enumerate(buffers):
            if read.first_tick < written.first_tick <= read.last_tick and rng.random() < 0.5:
                lead = int(rng.integers(-2, written.size // UNIT + 1)) * UNIT
                if (target, source) not in pairs:
                    pairs[source, target] = Overlap(lead)
    return buffers, pairs


def _stair(rng: np.random.Generator, alignment: int) -> Buffer:
    """Rows of one size that are written in order and read in order."""
    rows, size = int(rng.integers(1, 6)), int(rng.integers(1, 6)) * UNIT
    written = np.sort(rng.integers(0, TICKS, rows))
    read = np.maximum.accumulate(np.minimum(written + rng.integers(0, 6, rows), TICKS))
    begin = np.arange(rows) * size
    bands = np.stack([begin, begin + size, written, read], axis=1)
    return buffer(*(tuple(band) for band in bands.tolist()), alignment=alignment)
