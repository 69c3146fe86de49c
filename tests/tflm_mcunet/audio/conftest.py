# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the front ends' tests."""

from __future__ import annotations

import ctypes

import pytest

from tests.arduino import native as c_compiler
from tests.arduino.kernel_call import PORTABLE, SIMD
from tflm_mcunet.audio import native

SOURCES = [
    c_compiler.RUNTIME / f"tmc_{name}.c"
    for name in ("spectrum", "level", "log_mel", "log_spectrum", "detector", "anomaly")
]


@pytest.fixture(scope="session", params=[PORTABLE, SIMD])
def front_ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The front ends compiled without warnings, in both variants."""
    folder = tmp_path_factory.mktemp("front_ends")
    return native.declared(c_compiler.compile_library(folder, SOURCES, defines=[request.param]))
