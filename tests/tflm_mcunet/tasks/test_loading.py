# SPDX-License-Identifier: Apache-2.0
"""The kind of data is found by looking, or named; what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflm_mcunet.tasks.made_up import photos, words
from tflm_converters.errors import DataError
from tflm_mcunet import tasks


def test_images_are_recognised(tmp_path: Path) -> None:
    root = photos(tmp_path / "p", per_class=4)
    for name in (None, "vww"):
        dataset = tasks.load(root, name, resolution=(8, 10), cache_folder=tmp_path / "c")
        assert dataset.classes == ("cat", "dog") and dataset.example_shape == (8, 10, 3)
    grey = tasks.load(root, resolution=8, channels=1, cache_folder=tmp_path / "c")
    assert grey.example_shape == (8, 8, 1)


def test_clips_are_recognised(tmp_path: Path) -> None:
    root = words(tmp_path / "w", speakers=3)
    options = {"keywords": ["yes"], "seconds": 0.5, "cache_folder": tmp_path / "c"}
    for name in (None, "kws"):
        dataset = tasks.load(root, name, **options)  # type: ignore[arg-type]
        assert dataset.classes == ("yes", "unknown", "silence")
        assert dataset.example_shape == (8000,)


def test_data_with_tables_is_recognised(shared_data: Path) -> None:
    assert tasks.load(shared_data / "anomaly").classes == ("normal", "anomaly")
    assert len(tasks.load(shared_data / "mlperf_tiny", "kws01").test) == 900
    for name in (None, "kws"):
        with pytest.raises(DataError, match="a name of one: kws-ar, kws-en, kws-wake"):
            tasks.load(shared_data / "kws", name)


def test_wrong_folders_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere' is not a folder; expected a folder with one"):
        tasks.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds neither images nor clips; expected a folder") as e:
        tasks.load(tmp_path)
    assert "\n" not in str(e.value)
    with pytest.raises(DataError, match="'cats' is no kind of data; expected one of vww, kws,"):
        tasks.load(tmp_path, "cats")
