# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the runtime's tests."""

from __future__ import annotations

import ctypes

import pytest

from tests.arduino import kernel_call


@pytest.fixture(scope="session", params=[kernel_call.PORTABLE, kernel_call.SIMD])
def kernels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The kernels as a library, in both variants."""
    return kernel_call.compile_kernels(tmp_path_factory.mktemp("kernels"), request.param)
