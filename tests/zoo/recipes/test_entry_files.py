# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, read_json
from zoo.recipes.entry_files import write_entry, write_json

ENTRY_OF_MODEL: dict[str, Any] = {"name": "x", "labels": ("yes", "no"), "sha256": {}}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_entry(tmp_path, b"model", ENTRY_OF_MODEL)
    write_json(tmp_path / ENTRY, ENTRY_OF_MODEL | {"sha256": {ORIGINAL: "0123"}})
    return tmp_path


def test_the_same_keeps_its_seal(sealed: Path) -> None:
    write_entry(sealed, b"model", ENTRY_OF_MODEL)
    assert read_json(sealed / ENTRY)["sha256"] == {ORIGINAL: "0123"}


@pytest.mark.parametrize(("model", "name"), [(b"other", "x"), (b"model", "y")])
def test_another_model_or_text_must_be_sealed(sealed: Path, model: bytes, name: str) -> None:
    write_entry(sealed, model, ENTRY_OF_MODEL | {"name": name})
    assert (sealed / ORIGINAL).read_bytes() == model
    assert read_json(sealed / ENTRY) == {"name": name, "labels": ["yes", "no"], "sha256": {}}
