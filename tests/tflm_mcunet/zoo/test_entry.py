# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tflm_mcunet.zoo import fake_zoo
from tflm_mcunet.zoo.entry import DataSource, Entry, ZooError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An entry without models."""
    path = tmp_path / "tiny-photo"
    path.mkdir()
    fake_zoo.write_entry(path)
    return path


def test_entry_holds_what_the_file_does(folder: Path) -> None:
    entry = Entry.read(folder)
    assert entry.title == fake_zoo.ENTRY["title"]
    assert entry.data == (DataSource("random numbers", "CC0", "training"),)
    assert entry.test_sets == ("a set",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "expected as name tiny-photo, got 'other'"),
        ({"task": "chess"}, "expected as task visual wake words or keyword spotting"),
        ({"quantization": "int4"}, "expected as quantization int8-ptq or int8-qat"),
        ({"title": 3}, "expected a str as 'title', got a int"),
        ({"data": [{"name": "x"}]}, "expected name, licence, use of each data source"),
        ({"colour": "red"}, "not known: colour"),
    ],
)
def test_wrong_fields_are_named(folder: Path, changes: dict[str, Any], message: str) -> None:
    fake_zoo.write_entry(folder, **changes)
    with pytest.raises(ZooError, match=message):
        Entry.read(folder)


def test_missing_fields_are_named(folder: Path) -> None:
    content = {key: value for key, value in fake_zoo.ENTRY.items() if key != "limits"}
    (folder / "entry.json").write_text(json.dumps(content))
    with pytest.raises(ZooError, match="missing: limits; not known: none"):
        Entry.read(folder)


@pytest.mark.parametrize(("content", "message"), [("{", "is not JSON"), ("[]", "expected an obj")])
def test_other_files_are_refused(folder: Path, content: str, message: str) -> None:
    (folder / "entry.json").write_text(content)
    with pytest.raises(ZooError, match=message):
        Entry.read(folder)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot read '.*entry.json': No such file"):
        Entry.read(tmp_path)
