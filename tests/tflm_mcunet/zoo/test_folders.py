# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.folders import labelled_files

LABELS = ("no person", "person")


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_folders_are_classes(tmp_path: Path) -> None:
    first = put(tmp_path / "No_person" / "b.JPG")
    second = put(tmp_path / "person" / "deep" / "a.jpg")
    put(tmp_path / "person" / "notes.txt")
    put(tmp_path / "README.md")
    samples = labelled_files(tmp_path, LABELS, (".jpg",))
    assert [(sample.source, sample.label) for sample in samples] == [(first, 0), (second, 1)]


def test_other_folders_are_named(tmp_path: Path) -> None:
    put(tmp_path / "persons" / "a.jpg")
    with pytest.raises(ZooError, match="persons.*did you mean 'person'. the classes are no person"):
        labelled_files(tmp_path, LABELS, (".jpg",))


def test_no_files_of_use(tmp_path: Path) -> None:
    put(tmp_path / "person" / "a.wav")
    with pytest.raises(ZooError, match=r"expected .jpg files in folders named no person, person"):
        labelled_files(tmp_path, LABELS, (".jpg",))
    with pytest.raises(ZooError, match="is not a folder"):
        labelled_files(tmp_path / "missing", LABELS, (".jpg",))
