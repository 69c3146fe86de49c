# SPDX-License-Identifier: Apache-2.0
"""Tests of the C code once more, with undefined behaviour and bad addresses found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arduino.native import rerun_with_sanitizers


@pytest.mark.parametrize("name", ["detector", "log_mel", "log_spectrum"])
def test_no_front_end_does_what_c_does_not_define(name: str) -> None:
    rerun_with_sanitizers(str(Path(__file__).with_name(f"test_{name}.py")))
