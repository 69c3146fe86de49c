# SPDX-License-Identifier: Apache-2.0
"""The networks of the keyword models: one supernet for each set of words, searched for each size.

Nothing here looks at the test split: networks are chosen by the validation split, whose speakers
are others than those of training where the data tell speakers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tflm_mcunet import search
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.result import Result

_K = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """What networks of a size keep to: peak SRAM and flash in bytes, estimated milliseconds.

    `latency_ms` is for 64 MHz: the model must hear several windows while a word is spoken.
    """

    sram: int
    flash: int
    latency_ms: float


SIZES = {
    "s": Size(sram=8 * _K, flash=160 * _K, latency_ms=100.0),
    "m": Size(sram=24 * _K, flash=512 * _K, latency_ms=160.0),
}
FIRST = "s"
"""The size whose search trains the supernet of all."""

EFFORTS = {
    "kws-ar": Effort(epochs=50, warm_up=12, population=30, generations=10, fine_tuning=60),
    "kws-wake": Effort(epochs=28, warm_up=7, population=30, generations=10, fine_tuning=45),
}
"""About as many steps for each: an epoch of `kws-wake` has more examples."""


def find(task: str, size: str, data: Path, build: Path, *, progress: bool = True) -> Result:
    """Searches a network, or takes the one that was found in `build` already.

    Args:
        task: of `EFFORTS`.
        size: of `SIZES`.
        data: the folder of keywords.
        build: folder for all searches.
        progress: whether to show bars on stderr.

    Raises:
        ConversionError: the data are not there, or `build` holds other searches.
    """
    home: Callable[[str], Path] = lambda which: build / task / which  # noqa: E731
    supernet = None if size == FIRST else home(FIRST)
    if supernet is not None and not (supernet / "result.json").is_file():
        find(task, FIRST, data, build, progress=progress)
    return search.run(
        task=task,
        data=data,
        out=home(size),
        supernet=supernet,
        effort=EFFORTS[task],
        row_fed=True,
        progress=progress,
        **dataclasses.asdict(SIZES[size]),
    )
