# SPDX-License-Identifier: Apache-2.0
"""The tests of this folder once more, with undefined behaviour and bad addresses found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.arduino.native import SANITIZE, rerun_with_sanitizers


@pytest.mark.skipif(SANITIZE in os.environ, reason="this is the rerun")
def test_no_front_end_does_what_c_does_not_define() -> None:
    rerun_with_sanitizers(str(Path(__file__).parent))
