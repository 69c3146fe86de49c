# SPDX-License-Identifier: Apache-2.0
"""Released models are trained on aware of quantization, from their weights in int8."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from tests.tflm_mcunet.tasks.made_up import save_image
from tflm_mcunet.quantization_report import predict
from tflm_mcunet.quantize import quantize
from zoo.recipes import aware, int8_variants, person_networks, visual_wake_words
from zoo.recipes.float_network import float_file
from zoo.recipes.int8_variants import PTQ, QAT

NAME = "vww-xs"
COLOURS = {"no_person": (0, 0, 255), "person": (255, 0, 0)}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos of two colours, and a teacher that knows which shows a person."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(person_networks, "BATCH", 8)
    root = tmp_path / "data"
    for split, count in (("train", 16), ("val", 4)):
        for label, colour in COLOURS.items():
            for number in range(count):
                path = root / "vww" / split / label / f"{number}.png"
                save_image(path, size=(20, 20), colour=colour)
    teacher = root / person_networks.TEACHER
    teacher.parent.mkdir(parents=True)
    teacher.write_bytes(float_file(network(9.0)))
    return root


def network(steepness: float) -> tf_keras.Model:
    """By how red or blue a photo is."""
    source = tf_keras.layers.Input((16, 16, 3))
    x = tf_keras.layers.Conv2D(2, 1, name="colours")(source)
    answer = tf_keras.layers.Dense(2, "softmax")
    model = tf_keras.Model(source, answer(tf_keras.layers.GlobalAveragePooling2D()(x)))
    model.get_layer("colours").set_weights([np.array([[[[1, 0], [0, 0], [0, 1]]]]), np.zeros(2)])
    answer.set_weights([steepness * np.array([[-1, 1], [1, -1]]), np.zeros(2)])
    return model


def run(monkeypatch: pytest.MonkeyPatch, data: Path, *options: str) -> int:
    arguments = ["x", NAME, "--data", str(data), "--build", str(data.parent / "build"), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    return aware.main()


def test_a_released_model_learns_on(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that takes people for what they are not."""
    monkeypatch.setattr(aware, "MODELS", data.parent / "zoo")
    monkeypatch.setattr(int8_variants, "RATE", 0.05)
    released = data.parent / "zoo" / NAME / "model.tflite"
    released.parent.mkdir(parents=True)
    seen = np.random.default_rng(0).uniform(-1, 1, (16, 1, 1, 3)) * np.ones((1, 16, 16, 1))
    released.write_bytes(quantize(network(-1.0), [seen]))
    assert run(monkeypatch, data) == 0
    made = (data.parent / "build" / NAME / f"{QAT}.tflite").read_bytes()
    photos = [np.full((16, 16, 3), np.array(colour) / 128 - 1) for colour in COLOURS.values()]
    assert predict(made, np.stack(photos)).argmax(axis=1).tolist() == [0, 1]
    report = capsys.readouterr().err
    assert f"validation split, {PTQ} 0.00%, {QAT} 100.00%; to be released: {QAT}" in report

    entry = released.parent / "entry.json"
    made_from = {"quantization": PTQ, "splits": "By scene. The network: 16x16x3"}
    entry.write_text(json.dumps(made_from))
    assert run(monkeypatch, data, "--release") == 0
    assert released.read_bytes() == made
    splits = f"By scene. {visual_wake_words.AWARE}The network: 16x16x3"
    assert json.loads(entry.read_text()) == {"quantization": QAT, "splits": splits}


def test_what_is_no_better_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aware, "MODELS", tmp_path / "zoo")
    facts = tmp_path / "build" / NAME / "facts.json"
    facts.parent.mkdir(parents=True)
    facts.write_text(json.dumps({"chosen": PTQ}))
    assert run(monkeypatch, tmp_path / "data", "--release") == 0
    assert f"{PTQ} stays" in capsys.readouterr().err
    assert not (tmp_path / "zoo").exists()


def test_without_data_nothing_is_written(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / person_networks.TEACHER).unlink()
    assert run(monkeypatch, data) == 2
    assert "vww_96_float.tflite" in capsys.readouterr().err
    assert not (data.parent / "build" / NAME).exists()


def test_models_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "anomaly-fan"])
    with pytest.raises(SystemExit):
        aware.main()
