# SPDX-License-Identifier: Apache-2.0
"""The emulated core, where it is installed."""

from __future__ import annotations

import os

import pytest

from tflm_mcunet.emulator import EmulatorMissingError, toolchain


@pytest.fixture(autouse=True, scope="session")
def _emulator() -> None:
    """Skips these tests without an emulator; continuous integration must have one."""
    try:
        toolchain.require()
    except EmulatorMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
