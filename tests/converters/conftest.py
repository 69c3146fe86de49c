# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the converter's tests."""

from __future__ import annotations

import pytest

from tests.arduino.runtime import Runtime


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """The C runtime, compiled for this machine."""
    return Runtime(tmp_path_factory.mktemp("runtime"))
