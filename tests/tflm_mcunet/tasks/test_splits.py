# SPDX-License-Identifier: Apache-2.0
"""Splits by folder and by hash."""

from __future__ import annotations

from collections import Counter

from tflm_mcunet.tasks import splits


def test_folders_name_splits() -> None:
    assert splits.of_folder("Validation") == splits.of_folder("val") == "val"
    assert splits.of_folder("training") == "train"
    assert splits.of_folder("cat") is None


def test_hashes_split_in_fixed_shares() -> None:
    counts = Counter(splits.of_group(f"{i}.jpg") for i in range(5000))
    assert 440 < counts["val"] < 560 and 440 < counts["test"] < 560
    # A split is part of a result: it may not change from release to release.
    found = {split: i for i in range(30) if (split := splits.of_group(f"{i}.jpg")) != "train"}
    assert found == {"val": 19, "test": 26}
