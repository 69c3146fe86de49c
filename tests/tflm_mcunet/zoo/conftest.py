# SPDX-License-Identifier: Apache-2.0
"""A zoo with one model, as if it were installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo


@pytest.fixture
def no_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    """No zoo is installed, whatever this environment has."""
    fake_zoo.hide_installed(monkeypatch)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_zoo: None) -> Iterator[Path]:
    """A folder on the path of Python, for distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for package in folder.iterdir():  # the next test has its own of the same name
        sys.modules.pop(package.name, None)


@pytest.fixture
def zoo_folder(site: Path) -> Path:
    """The folder of an installed zoo that holds the model 'tiny-photo'."""
    folder = fake_zoo.publish(site, "one_zoo")
    fake_zoo.add_model(folder, "tiny-photo")
    return folder
