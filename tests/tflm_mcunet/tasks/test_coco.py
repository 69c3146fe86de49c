# SPDX-License-Identifier: Apache-2.0
"""COCO as Visual Wake Words, from a few photos laid out as COCO's are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import save_image
from tflm_converters.errors import DataError
from tflm_mcunet import tasks
from tflm_mcunet.tasks import coco
from tflm_mcunet.tasks.images import ImageFormat

SMALL = ImageFormat(8, 8)
PERSON, DOG = 1, 18
BOXES = {"person": [PERSON, 3.0], "distant person": [PERSON, 1.4], "dog": [DOG, 20.0]}
"""Category, and side of the box in a photo of 20 x 20 pixels, of which half a percent is 2."""


def write(root: Path, table: str, folder: str, photos: dict[int, tuple[str, ...]]) -> None:
    """Photos of what they are said to show, with annotations."""
    content: dict[str, Any] = {
        "categories": [{"id": PERSON, "name": "person"}, {"id": DOG, "name": "dog"}],
        "images": [],
        "annotations": [],
    }
    for number, shown in photos.items():
        name = f"COCO_{folder}_{number:012}.jpg"
        save_image(root / folder / name, size=(20, 20), colour="red" if shown else "blue")
        content["images"].append({"id": number, "file_name": name, "width": 20, "height": 20})
        for category, side in (BOXES[what] for what in shown):
            box = {"image_id": number, "category_id": category, "bbox": [0, 0, side, side]}
            content["annotations"].append(box)
    path = root / "annotations" / f"{table}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty photos for training, half of them with a person, and three for test."""
    root = tmp_path / "coco"
    root.mkdir()
    every = {number: ("person",) if number % 2 else ("dog",) for number in range(40)}
    write(root, "instances_train2014", "train2014", every)
    test = {100: ("dog", "person"), 101: ("distant person",), 102: ()}
    write(root, "instances_val2014", "val2014", test)
    return root


def load(root: Path, **options: Any) -> tasks.Dataset:
    return coco.load_coco(root, SMALL, cache_folder=root.parent / "cache", **options)


def test_a_person_counts_from_half_a_percent(root: Path) -> None:
    dataset = load(root)
    assert dataset.classes == ("no_person", "person")
    assert dataset.test.y.tolist() == [1, 0, 0]
    assert dataset.test.x.shape == (3, 8, 8, 3)
    odd = np.array([int(Path(name).stem[-2:]) % 2 for name in dataset.train.group])
    np.testing.assert_array_equal(dataset.train.y, odd)


def test_validation_is_a_part_of_the_training_photos(root: Path) -> None:
    dataset = load(root)
    assert len(dataset.train) + len(dataset.val) == 40 and 0 < len(dataset.val) < 15
    assert not set(dataset.train.group) & set(dataset.val.group)


def test_the_split_of_visual_wake_words_comes_first(root: Path) -> None:
    write(root, "instances_maxitrain", "train2014", {1: ("person",), 2: ("dog",)})
    write(root, "instances_minival", "val2014", {100: ("dog",)})
    dataset = load(root)
    assert len(dataset.train) + len(dataset.val) == 2
    assert dataset.test.y.tolist() == [0]


def test_photos_can_be_left_out(root: Path) -> None:
    assert load(root, excluded={100, 102}).test.group.tolist() == ["COCO_val2014_000000000101.jpg"]


def test_photos_that_are_not_there_are_left_out(root: Path) -> None:
    (root / "val2014" / "COCO_val2014_000000000100.jpg").unlink()
    assert load(root).test.y.tolist() == [0, 0]


def test_recognised_by_its_annotations(root: Path) -> None:
    dataset = tasks.load(root, resolution=8, excluded={101}, cache_folder=root.parent / "cache")
    assert dataset.classes == ("no_person", "person") and len(dataset.test) == 2


def test_refuses_what_is_no_coco(root: Path, tmp_path: Path) -> None:
    table = root / "annotations" / "instances_val2014.json"
    table.write_text('{"images": []}')
    with pytest.raises(DataError, match=r"instances_val2014\.json' holds no COCO instances"):
        load(root)
    table.write_text("no JSON")
    with pytest.raises(DataError, match=r"cannot read '.*instances_val2014\.json'"):
        load(root)
    table.unlink()
    with pytest.raises(DataError, match=r"expected COCO's photos, and in annotations"):
        load(root)


def test_refuses_two_years_at_once(root: Path) -> None:
    write(root, "instances_train2017", "train2017", {7: ()})
    with pytest.raises(DataError, match="expected the annotations of one year, got instances_tr"):
        load(root)


def test_refuses_annotations_without_their_photos(root: Path) -> None:
    for path in root.glob("*/*.jpg"):
        path.unlink()
    with pytest.raises(DataError, match="holds none of the 43 photos of its annotations"):
        load(root)
