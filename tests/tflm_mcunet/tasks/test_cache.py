# SPDX-License-Identifier: Apache-2.0
"""Files are decoded once; those that cannot be are skipped with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflm_converters.errors import DataError
from tflm_mcunet.tasks.cache import Decoder, decoded
from tflm_mcunet.tasks.files import Folder

NAMES = [f"{i}.txt" for i in range(5)]


class Counting:
    """Decodes files that hold a number, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def decoder(self, key: str = "number") -> Decoder:
        return Decoder(key, (2,), "int16", self._decode)

    def _decode(self, content: bytes) -> np.ndarray:
        self.calls += 1
        return np.full(2, int(content), np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        (tmp_path / name).write_text(str(i))
    return tmp_path


def test_files_are_decoded_once(folder: Path, tmp_path: Path) -> None:
    counting, cache = Counting(), tmp_path / "cache"
    for _ in range(2):
        found = decoded(Folder(folder), NAMES, counting.decoder(), folder=cache)
        assert found.data.tolist() == [[i, i] for i in range(5)]
    assert counting.calls == 5


def test_a_changed_file_or_decoder_is_decoded_again(folder: Path, tmp_path: Path) -> None:
    counting, cache = Counting(), tmp_path / "cache"
    decoded(Folder(folder), NAMES, counting.decoder(), folder=cache)
    (folder / NAMES[0]).write_text("9")
    found = decoded(Folder(folder), NAMES, counting.decoder(), folder=cache)
    assert found.data[0].tolist() == [9, 9]
    decoded(Folder(folder), NAMES, counting.decoder("other"), folder=cache)
    assert counting.calls == 15


def test_broken_files_are_skipped_with_a_reason(folder: Path, tmp_path: Path) -> None:
    (folder / NAMES[1]).write_text("no number")
    found = decoded(Folder(folder), NAMES, Counting().decoder(), folder=tmp_path / "cache")
    assert found.kept.tolist() == [0, 2, 3, 4]
    assert found.data[:, 0].tolist() == [0, 2, 3, 4]
    ((name, reason),) = [(each.name, each.reason) for each in found.skipped]
    assert name == NAMES[1] and "invalid literal" in reason


def test_nothing_to_decode_is_an_error_with_the_first_reason(folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (folder / name).write_text("x")
    with pytest.raises(DataError, match=r"none of 5 files can be used; the first: 0\.txt: inva"):
        decoded(Folder(folder), NAMES, Counting().decoder(), folder=tmp_path / "cache")


def test_an_interrupted_run_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def interrupted(_: bytes) -> np.ndarray:
        raise KeyboardInterrupt

    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        decoded(Folder(folder), NAMES, Decoder("x", (1,), "int8", interrupted), folder=cache)
    assert not cache.exists()
