# SPDX-License-Identifier: Apache-2.0
"""The networks of the keyword models: one supernet for each set of words, searched for each size.

Nothing here looks at the test split: networks are chosen by the validation split, whose speakers
are others than those of training where the data tell speakers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tflm_mcunet import search
from tflm_mcunet.benchmark import CYCLES_PER_INSTRUCTION
from tflm_mcunet.search.result import Result
from zoo.recipes.keyword_tasks import WORDS

_K = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """What networks of a size keep to: peak SRAM and flash in bytes, estimated milliseconds.

    `latency_ms` is for 64 MHz, as cards have it: the model must hear several windows while a word
    is spoken.
    """

    sram: int
    flash: int
    latency_ms: float

    @property
    def limits(self) -> dict[str, Any]:
        """Those of a search, which estimates latency at one instruction per cycle."""
        return dataclasses.asdict(self) | {"latency_ms": self.latency_ms / CYCLES_PER_INSTRUCTION}


SIZES = {
    "s": Size(sram=8 * _K, flash=160 * _K, latency_ms=140.0),
    "m": Size(sram=24 * _K, flash=512 * _K, latency_ms=210.0),
}
FIRST = "s"
"""The size whose search trains the supernet of all."""


def find(task: str, size: str, clips: Path, build: Path, *, progress: bool = True) -> Result:
    """Searches a network, or takes the one that was found in `build` already.

    Args:
        task: of `WORDS`.
        size: of `SIZES`.
        clips: their folder.
        build: folder for all searches.
        progress: whether to show bars on stderr.

    Raises:
        ConversionError: the data are not there, or `build` holds other searches.
    """
    words, first = WORDS[task], build / task / FIRST
    if size != FIRST and not (first / "result.json").is_file():
        find(task, FIRST, clips, build, progress=progress)
    return search.run(
        task=words.kind,
        data=clips,
        out=build / task / size,
        supernet=None if size == FIRST else first,
        keywords=words.keywords,
        effort=words.effort,
        row_fed=True,
        progress=progress,
        **SIZES[size].limits,
    )
