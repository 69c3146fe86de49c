# SPDX-License-Identifier: Apache-2.0
"""The recipe of the person models on a few made-up photos, in a small space."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tf_keras

from benchmarks import search_quality_networks as networks
from tests.tflm_mcunet.search.spaces import tiny_image_space
from tests.tflm_mcunet.tasks.made_up import save_image
from tflm_mcunet.search import training, tuning
from tflm_mcunet.search.cost import Cost
from tflm_mcunet.search.evolution import Settings
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.teacher import Teacher
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, Entry, read_json
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import Prediction, make_output
from zoo.recipes import baselines, int8_variants, person_networks, visual_wake_words
from zoo.recipes.cards import MODELS
from zoo.recipes.float_network import float_file
from zoo.recipes.person_networks import MOBILENET_V2, REFERENCE, SIZES
from zoo.recipes.seal import seal

NAME = "vww-xs"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Photos of one colour, a teacher that knows it, and the labels of an accuracy set."""
    root = tmp_path / "data"
    for split, count in (("train", 16), ("val", 4)):
        for label, colour in (("no_person", "blue"), ("person", "red")):
            for number in range(count):
                path = root / "vww" / split / label / f"{number}.png"
                save_image(path, size=(20, 20), colour=colour)
    teacher = root / person_networks.TEACHER
    teacher.parent.mkdir(parents=True)
    source = tf_keras.layers.Input((16, 16, 3))
    answer = tf_keras.layers.Dense(2, "softmax")
    network = tf_keras.Model(source, answer(tf_keras.layers.GlobalAveragePooling2D()(source)))
    answer.set_weights([9 * np.array([[0, 1], [0, 0], [1, 0]], np.float32), np.zeros(2)])
    teacher.write_bytes(float_file(network))
    (root / visual_wake_words.ACCURACY_SET).write_text("file,label\nvww01/000000000724.png,0\n")
    return root


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Little work, and folders of the test's own; returns that of the zoo."""
    space = dataclasses.replace(tiny_image_space(), classes=2)
    settings = {
        "SUPERNET": training.TrainingOptions(epochs=3, warm_up=1, optimizer="adam"),
        "EVOLUTION": Settings(population=4, generations=2, parent_share=0.5),
        "SIZES": {NAME: Limits(flash_bytes=12_000)},
        "FINE_TUNING": {NAME: 12},
        "REFERENCE_EPOCHS": 15,
        "BATCH": 8,
        "space": lambda classes: space,
    }
    for name, value in settings.items():
        monkeypatch.setattr(person_networks, name, value)
    monkeypatch.setattr(visual_wake_words, "SIZES", settings["SIZES"])
    monkeypatch.setattr(visual_wake_words, "LARGEST", NAME)
    monkeypatch.setattr(int8_variants, "EPOCHS", 1)
    monkeypatch.setattr(baselines, "mobilenet_v1", small_reference)
    monkeypatch.setattr(visual_wake_words, "MODELS", tmp_path / "zoo")
    monkeypatch.setattr(visual_wake_words, "BASELINES", tmp_path / "baselines")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "zoo"


def small_reference(*, classes: int) -> tf_keras.Model:
    source = tf_keras.layers.Input((16, 16, 3))
    x = tf_keras.layers.Conv2D(4, 3, strides=2, activation="relu")(source)
    x = tf_keras.layers.GlobalAveragePooling2D()(x)
    return tf_keras.Model(source, tf_keras.layers.Dense(classes, "softmax")(x))


def run(monkeypatch: pytest.MonkeyPatch, data: Path, *options: str) -> int:
    build = data.parent / "build"
    arguments = ["x", "--data", str(data), "--build", str(build), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    return visual_wake_words.main()


def test_models_are_made_once_and_know_the_photos(
    data: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, data, NAME, REFERENCE) == 0
    ours, reference = quick / NAME, quick.parent / "baselines" / NAME / REFERENCE
    for home in (ours, reference):
        assert seal(home).name == home.name
    for label in ("person", "no_person"):
        prediction = answer(ours, data / "vww" / "val" / label / "1.png")
        assert prediction.label == label
        assert sum(prediction.scores.values()) == pytest.approx(1, abs=0.02)  # in int8
    before = {home: (home / ORIGINAL).read_bytes() for home in (ours, reference)}
    for module, name in ((training, "train"), (tuning, "fine_tune")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("trained again"))
    assert run(monkeypatch, data, NAME, REFERENCE) == 0
    assert before == {home: (home / ORIGINAL).read_bytes() for home in (ours, reference)}


def answer(home: Path, photo: Path) -> Prediction:
    entry = Entry.read(home)
    model = Pipeline(make_input(entry.input), entry.content(ORIGINAL), make_output(entry.output))
    return model.predict(photo)


def test_mobilenet_v2_has_the_limits_and_the_flash_of_ours(
    data: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ours(quick)
    limits = Limits(sram_bytes=10_000, flash_bytes=12_000)
    monkeypatch.setitem(person_networks.SIZES, NAME, limits)
    with monkeypatch.context() as cost_of_ours:
        cost_of_ours.setattr(networks, "cost", lambda content: Cost(1, 45_000, 0, 0.0))
        assert run(monkeypatch, data, MOBILENET_V2) == 0
    home = quick.parent / "baselines" / NAME / MOBILENET_V2
    theirs = networks.cost((home / ORIGINAL).read_bytes())
    assert theirs.sram_bytes <= 10_000 and 20_000 < theirs.flash_bytes <= 45_000
    assert "MobileNetV2 of 16x16 pixels" in read_json(home / ENTRY)["title"]


def test_mobilenet_v2_that_does_not_fit_is_one_line(
    data: Path, quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, data, MOBILENET_V2) == 2
    assert f"{NAME}/model.tflite" in capsys.readouterr().err  # ours is not there yet
    write_ours(quick)
    monkeypatch.setattr(networks, "cost", lambda content: Cost(1, 10_000, 0, 0.0))
    assert run(monkeypatch, data, MOBILENET_V2) == 2
    assert "no MobileNetV2 keeps to" in capsys.readouterr().err


def write_ours(zoo: Path) -> None:
    (zoo / NAME).mkdir(parents=True)
    (zoo / NAME / ORIGINAL).write_bytes(b"ours")


def test_photos_of_the_accuracy_set_are_never_trained_on(
    data: Path, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def opened(*paths: Path, excluded: set[int]) -> None:
        asked.update(data=paths[1], excluded=excluded)
        raise visual_wake_words.ConversionError("enough")

    monkeypatch.setattr(person_networks, "open_run", opened)
    assert run(monkeypatch, data, "--coco", str(data / "coco")) == 2
    assert asked == {"data": data / "coco", "excluded": {724}}


def test_no_data_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "nowhere") == 2
    assert "nowhere/vww' is not a folder" in capsys.readouterr().err


def test_the_space_has_networks_for_each_size() -> None:
    """The limits in MACs cut the space in parts of some breadth."""
    from tflm_mcunet.search.cost_model import CostModel

    space, rng = person_networks.space(), np.random.default_rng(0)
    networks = [space.sample(rng) for _ in range(200)]
    shares = [
        CostModel().screen([*networks, space.largest()], limits).fits.mean()
        for limits in SIZES.values()
    ]
    assert 0.1 < shares[0] < shares[1] <= shares[2] == 1


@pytest.mark.parametrize("name", [name for name in SIZES if (MODELS / name).is_dir()])
def test_the_models_of_the_zoo_are_what_the_recipe_describes(name: str) -> None:
    """Texts of the entries are those of the recipe; the network is found."""
    written = read_json(MODELS / name / ENTRY)
    counts = map(int, re.findall(r"(\d[\d,]*) for", written["splits"].replace(",", "")))
    facts = {
        "side": written["input"]["height"],
        "chosen": written["quantization"],
        "classes": written["output"]["labels"],
        "network": written["splits"].partition(visual_wake_words.NETWORK)[2],
        "photos": dict(zip(("train", "val", "test"), counts, strict=True)),
        "teacher_share": Teacher.share,
    }
    assert written | {"sha256": {}} == visual_wake_words.entry(name, facts)
