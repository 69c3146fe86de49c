# SPDX-License-Identifier: Apache-2.0
"""Which split an example belongs to, where the data set does not say."""

from __future__ import annotations

import hashlib

_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val"}
_NAMES |= {"validation": "val", "dev": "val", "test": "test", "testing": "test"}

VAL_SHARE = TEST_SHARE = 0.1


def of_folder(name: str) -> str | None:
    """The split that a folder is named after, if any."""
    return _NAMES.get(name.lower())


def of_group(group: str) -> str:
    """80 % train, 10 % val, 10 % test, by a hash: more files move no others.

    Example:
        >>> of_group("cat/0001.jpg")
        'train'
    """
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if share < TEST_SHARE:
        return "test"
    return "val" if share < TEST_SHARE + VAL_SHARE else "train"
