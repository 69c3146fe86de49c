# SPDX-License-Identifier: Apache-2.0
"""Archives with tables, on parts of the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import shared
from tflm_mcunet.tasks.audio import ClipFormat
from tflm_mcunet.tasks.images import ImageFormat

Excerpt = Callable[..., Path]


@pytest.fixture
def excerpt(tmp_path: Path) -> Excerpt:
    """Makes a folder with the same archives and every `step`-th row of the tables."""
    pytest.importorskip("PIL")
    pytest.importorskip("soundfile")

    def make(root: Path, archives: list[str], tables: list[str], step: int) -> Path:
        folder = tmp_path / "excerpt"
        folder.mkdir()
        for name in archives:
            (folder / name).symlink_to(root / name)
        for name in tables:
            header, *rows = (root / name).read_text().splitlines()
            (folder / name).write_text("\n".join([header, *rows[::step]]))
        return folder

    return make


def test_photos_of_persons(shared_data: Path, excerpt: Excerpt, tmp_path: Path) -> None:
    folder = excerpt(shared_data / "vww", ["images.zip"], ["labels.csv"], 50)
    dataset = shared.load_vww(folder, ImageFormat(32, 24), cache_folder=tmp_path / "c")
    assert dataset.classes == ("no_person", "person") and not dataset.skipped
    assert dataset.example_shape == (32, 24, 3)
    assert sum(len(part) for part in dataset.splits.values()) == 198
    assert {"voc2012", "lspet", "houses"} <= set(dataset.train.source)
    assert set(dataset.train.y[dataset.train.source == "lspet"]) == {1}
    # Pictures, not noise or constants.
    assert 30 < dataset.train.x.std() < 110


@pytest.mark.parametrize(
    ("name", "classes", "rows"),
    [("kws-ar", 12, 112), ("kws-en", 5, 80), ("kws-wake", 8, 73 + 80)],
)
def test_keywords(
    name: str, classes: int, rows: int, shared_data: Path, excerpt: Excerpt, tmp_path: Path
) -> None:
    every = ("ar", "en", "wake")
    archives = [f"{part}.zip" for part in (*every, "noise")]
    folder = excerpt(shared_data / "kws", archives, [f"{part}.csv" for part in every], 30)
    (folder / "noise.csv").symlink_to(shared_data / "kws" / "noise.csv")
    dataset = shared.load_keywords(folder, name, ClipFormat(), cache_folder=tmp_path / "c")
    assert len(dataset.classes) == classes and dataset.classes[-2:] == ("unknown", "silence")
    spoken = sum(int((part.y < classes - 1).sum()) for part in dataset.splits.values())
    assert spoken == rows and not dataset.skipped
    assert [len(part) for part in dataset.noise.values()] == [8, 8, 8]
    if name != "kws-wake":  # whose speakers are not known
        speakers = [set(part.group) - {"silence"} for part in dataset.splits.values()]
        assert sum(map(len, speakers)) == len(set.union(*speakers))


def test_words_of_the_second_table_are_unknown(
    shared_data: Path, excerpt: Excerpt, tmp_path: Path
) -> None:
    archives = ["wake.zip", "en.zip", "noise.zip"]
    folder = excerpt(shared_data / "kws", archives, ["wake.csv", "en.csv", "noise.csv"], 60)
    dataset = shared.load_keywords(folder, "kws-wake", ClipFormat(), cache_folder=tmp_path / "c")
    assert "bed" not in dataset.classes
    is_unknown = dataset.train.y == dataset.classes.index("unknown")
    assert set(dataset.train.source[is_unknown]) == {"gsc1"}


def test_vibration(shared_data: Path) -> None:
    dataset = shared.load_anomaly(shared_data / "anomaly")
    assert dataset.rate == 200 and dataset.example_shape == (200, 3)
    counts = {name: np.bincount(part.y, minlength=2) for name, part in dataset.splits.items()}
    assert {name: tuple(count) for name, count in counts.items()} == {
        "train": (1585, 0),
        "val": (317, 350),
        "test": (449, 1154),
        "test_session": (178, 0),
    }
    assert set(dataset.test.source) <= {"off", "low", "med", "high"}


def test_accuracy_set_of_visual_wake_words(
    shared_data: Path, excerpt: Excerpt, tmp_path: Path
) -> None:
    root = shared_data / "mlperf_tiny"
    folder = excerpt(root, ["vww01.zip"], ["vww01_labels.csv"], 30)
    dataset = shared.load_mlperf_vww(folder, ImageFormat(), cache_folder=tmp_path / "c")
    assert [len(dataset.train), len(dataset.val), len(dataset.test)] == [0, 0, 30]
    assert set(dataset.test.y) == {0, 1}


def test_accuracy_set_of_keywords(shared_data: Path) -> None:
    dataset = shared.load_mlperf_kws(shared_data / "mlperf_tiny")
    assert [len(dataset.train), len(dataset.val), len(dataset.test)] == [0, 0, 900]
    assert dataset.example_shape == (49, 10, 1) and dataset.test.x.dtype == np.int8
    assert len(dataset.classes) == 12


def correct(model: Path, x: np.ndarray, y: np.ndarray) -> float:
    """The share of int8 examples that an int8 model classifies as labelled."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    (given,), (got,) = interpreter.get_input_details(), interpreter.get_output_details()
    hits = 0
    for example, label in zip(x, y, strict=True):
        interpreter.set_tensor(given["index"], example[None])
        interpreter.invoke()
        hits += int(interpreter.get_tensor(got["index"]).argmax() == label)
    return hits / len(y)


def test_reference_models_are_as_accurate_as_published(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    root = shared_data / "mlperf_tiny"
    photos = shared.load_mlperf_vww(root, ImageFormat(), cache_folder=tmp_path / "c").test
    pixels = (photos.x.astype(np.int16) - 128).astype(np.int8)
    assert correct(root / "models" / "vww_96_int8.tflite", pixels, photos.y) > 0.85
    words = shared.load_mlperf_kws(root).test
    assert correct(root / "models" / "kws_ref_model_int8.tflite", words.x, words.y) > 0.9


def test_missing_files_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*labels\.csv"):
        shared.load_vww(tmp_path, ImageFormat())
    with pytest.raises(DataError, match=r"cannot read .*fan\.npz.*expected an \.npz file"):
        shared.load_anomaly(tmp_path)
    np.savez(tmp_path / "fan.npz", x=np.zeros(3))
    with pytest.raises(DataError, match=r"fan\.npz': expected the arrays label, rate_hz, recor"):
        shared.load_anomaly(tmp_path)
