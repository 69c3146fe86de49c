# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tflm_converters.errors import ConversionError, OutputError
from tflm_mcunet.files import staged


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_arrive_together_and_replace_only_their_namesakes(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "kept").write_text("kept")
    with staged(tmp_path) as stage:
        (stage / "a").write_text("new")
        (stage / "b").write_text("new")
        assert (tmp_path / "a").read_text() == "old"
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {
        "a": "new",
        "b": "new",
        "kept": "kept",
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ConversionError("no")])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), staged(tmp_path / "new" / "deep") as stage:
        (stage / "half").write_text("half")
        raise error
    assert names(tmp_path) == []


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left on device.*choose another"):
        with staged(tmp_path / "out"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_a_file_in_the_way_is_found_before_the_work_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match="cannot write to .*file"):
        with staged(tmp_path / "file" / "out"):
            pytest.fail("the block must not be entered")
    assert names(tmp_path) == ["file"]
