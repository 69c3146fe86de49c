# SPDX-License-Identifier: Apache-2.0
"""The emulated core, where it is installed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _emulator(emulator: None) -> None:
    """All tests here need it."""
