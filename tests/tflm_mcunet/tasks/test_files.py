# SPDX-License-Identifier: Apache-2.0
"""Files in folders and in archives; digests that notice changes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("a/2.txt", "a/1.TXT", "a/3.bin", ".hidden/4.txt", "a/.5.txt"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def archived(folder: Path, content: str) -> files.Archive:
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("x", content)
    return files.Archive(folder / "all.zip")


def test_names_are_sorted_and_not_hidden(folder: Path) -> None:
    assert files.below(folder, (".txt",)) == ["a/1.TXT", "a/2.txt"]


def test_digest_of_a_folder_is_that_of_names_and_contents(folder: Path) -> None:
    names = ["a/1.TXT", "a/2.txt"]
    before = files.Folder(folder).digest(names)
    assert files.Folder(folder).digest(names) == before
    assert files.Folder(folder).digest(names[:1]) != before
    (folder / "a/2.txt").write_bytes(b"a/2.tyt")
    assert files.Folder(folder).digest(names) != before


def test_digest_of_an_archive_is_that_of_members(tmp_path: Path) -> None:
    before = archived(tmp_path, "one").digest(["x"])
    assert archived(tmp_path, "one").digest(["x"]) == before
    assert archived(tmp_path, "two").digest(["x"]) != before
    assert archived(tmp_path, "two").read("x") == b"two"


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"no")
    with pytest.raises(DataError, match=r"all\.zip.*expected a \.zip archive"):
        files.Archive(tmp_path / "all.zip")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,word\n1,no\n")
    assert files.table(tmp_path / "t.csv", ["file"]) == [{"file": "1", "word": "no"}]
    with pytest.raises(DataError, match=r"expected the columns role, split, too"):
        files.table(tmp_path / "t.csv", ["file", "split", "role"])
    with pytest.raises(DataError, match="cannot read .*nothing.csv"):
        files.table(tmp_path / "nothing.csv", ["file"])
