# SPDX-License-Identifier: Apache-2.0
"""What a schedule costs: a point in the trade of memory for work."""

from __future__ import annotations

from typing import NamedTuple


class Point(NamedTuple):
    """Peak SRAM in bytes, multiply-accumulates, and these relative to the original's."""

    peak: int
    macs: int
    ratio: float
