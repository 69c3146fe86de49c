# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflm_mcunet.emulator import EmulatorMissingError, toolchain

REPOSITORY = Path(__file__).parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of third-party models and data sets, which are too many to be committed.

    Without it a test is skipped, except under continuous integration, where it must exist.
    """
    if not SHARED_DATA.is_dir():
        reason = f"the shared data sets are not there: '{SHARED_DATA}'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED_DATA


@pytest.fixture(scope="session")
def emulator() -> None:
    """Skips a test without an emulated core; continuous integration must have one."""
    try:
        toolchain.require()
    except EmulatorMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
