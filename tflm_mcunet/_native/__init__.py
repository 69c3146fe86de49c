# SPDX-License-Identifier: Apache-2.0
"""What `setup.py` puts beside the Python modules: the C runtime, built and as sources."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

LIBRARY = _HERE / "libtflm_mcunet.so"
"""The C runtime as a shared library for this machine; absent in a checkout never built."""


def arduino_library() -> Path:
    """The Arduino library TFLM_MCUNet, whose `src` holds the C runtime's sources."""
    carried = _HERE / "TFLM_MCUNet"
    return carried if carried.is_dir() else _HERE.parents[1] / "arduino" / "TFLM_MCUNet"
