# SPDX-License-Identifier: Apache-2.0
"""The runtime is there and knows the front ends, or one line says what to do."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import numpy as np
import pytest

from tflm_converters.errors import RuntimeMismatchError
from tflm_mcunet import _native
from tflm_mcunet.audio import LogMel, native


@pytest.mark.parametrize("library", ["/nowhere.so", ctypes.util.find_library("c") or "libc.so.6"])
def test_another_library_is_refused(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "LIBRARY", Path(library))
    native.library.cache_clear()
    with pytest.raises(RuntimeMismatchError, match="build it: pip install"):
        LogMel().features(np.zeros(480, np.int16))
    native.library.cache_clear()
