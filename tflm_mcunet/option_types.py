# SPDX-License-Identifier: Apache-2.0
"""Values of command line options: text in, value out, or what was expected."""

from __future__ import annotations

import argparse
import re

_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


def byte_count(text: str) -> int:
    """A number of bytes: 65536, 64k (kibibytes) or 1M (mebibytes)."""
    match = re.fullmatch(r"(\d+)([km]?)(i?b)?", text.lower())
    if match is None or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"expected bytes, such as 65536, 64k or 1M, got '{text}'")
    return int(match[1]) * _UNITS[match[2]]


def patch_grid(text: str) -> tuple[int, int]:
    """Rows and columns of patches: 3x3."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"expected rows x columns, such as 3x3, got '{text}'")
    return int(match[1]), int(match[2])


def count(text: str) -> int:
    """A number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number from 0, got '{text}'")
    return int(text)


def positive(text: str) -> int:
    """A number from 1."""
    if count(text) == 0:
        raise argparse.ArgumentTypeError("expected a number from 1, got '0'")
    return count(text)


def hours(text: str) -> float:
    """A time in hours: 0.5."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of hours, such as 0.5, got '{text}'")
    return value


def ratio(text: str) -> float:
    """A factor from 1.0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1.0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number from 1.0, got '{text}'")
    return value


def names(text: str) -> tuple[str, ...]:
    """Several of them: yes,no."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, got '{text}'")
    return found


def share(text: str) -> float:
    """A part of a whole, from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got '{text}'")
    return value
