# SPDX-License-Identifier: Apache-2.0
"""Values of options, and what is answered to wrong ones."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from tflm_mcunet import option_types


@pytest.mark.parametrize(
    ("text", "count"), [("65536", 65536), ("64k", 65536), ("64KB", 65536), ("1MiB", 1 << 20)]
)
def test_sizes_have_suffixes(text: str, count: int) -> None:
    assert option_types.byte_count(text) == count


@pytest.mark.parametrize("text", ["", "0", "-1", "64g", "1.5k", "k"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 65536, 64k or 1M"):
        option_types.byte_count(text)


def test_patch_grids() -> None:
    assert option_types.patch_grid("3x4") == (3, 4)
    with pytest.raises(argparse.ArgumentTypeError, match="rows x columns"):
        option_types.patch_grid("0x4")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (option_types.count, "0", 0),
        (option_types.positive, "7", 7),
        (option_types.hours, "0.5", 0.5),
        (option_types.ratio, "1.1", 1.1),
        (option_types.share, "0.7", 0.7),
    ],
)
def test_numbers(read: Callable[[str], float], text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (option_types.count, "-1"),
        (option_types.positive, "0"),
        (option_types.hours, "0"),
        (option_types.hours, "two"),
        (option_types.ratio, "0.9"),
        (option_types.ratio, "inf"),
        (option_types.share, "1.1"),
        (option_types.share, "nan"),
    ],
)
def test_other_numbers_are_refused(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a number.* got '{text}'"):
        read(text)


def test_names() -> None:
    assert option_types.names("yes, no") == ("yes", "no")
    with pytest.raises(argparse.ArgumentTypeError, match="expected names with commas .* 'yes,,no'"):
        option_types.names("yes,,no")
