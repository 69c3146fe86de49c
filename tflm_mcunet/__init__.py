# SPDX-License-Identifier: Apache-2.0
"""Makes int8 TensorFlow Lite models run in several times less SRAM.

Names are loaded when first used, so that the command line answers `--help` at once. No
module bears the name of a function here: importing it would put the module in its place.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflm_mcunet import boards as boards
    from tflm_mcunet import zoo as zoo
    from tflm_mcunet.conversion import convert as convert
    from tflm_mcunet.interpreter import Interpreter as Interpreter
    from tflm_mcunet.profiling import profile as profile

__all__ = ["Interpreter", "boards", "convert", "profile", "zoo"]

_HOMES = {
    "Interpreter": "tflm_mcunet.interpreter",
    "convert": "tflm_mcunet.conversion",
    "profile": "tflm_mcunet.profiling",
}


def __getattr__(name: str) -> Any:
    if name in ("boards", "zoo"):
        return importlib.import_module(f"tflm_mcunet.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
