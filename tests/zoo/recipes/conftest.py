# SPDX-License-Identifier: Apache-2.0
"""A model's folder before its first evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo
from tflm_converters import writer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`model.tflite` and `entry.json` without digests, of 'tiny-photo'."""
    path = tmp_path / "models" / "tiny-photo"
    path.mkdir(parents=True)
    (path / "model.tflite").write_bytes(writer.write(fake_zoo.network()))
    fake_zoo.write_entry(path)
    return path
