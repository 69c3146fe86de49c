# SPDX-License-Identifier: Apache-2.0
"""TinyNAS (MCUNet, arXiv 2007.10319): search the network that fits the board.

    >>> from tflm_mcunet import search
    >>> result = search.run(task="vww", data="photos/", board="nano33ble", out="run")

Names are loaded when first used: TensorFlow takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflm_mcunet.search.effort import Effort as Effort
    from tflm_mcunet.search.pipeline import resume as resume
    from tflm_mcunet.search.pipeline import run as run
    from tflm_mcunet.search.result import Result as Result

__all__ = ["Effort", "Result", "resume", "run"]

_HOMES = {"Effort": "effort", "Result": "result", "resume": "pipeline", "run": "pipeline"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
