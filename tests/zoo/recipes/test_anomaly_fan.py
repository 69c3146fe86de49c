# SPDX-License-Identifier: Apache-2.0
"""The recipe of anomaly-fan on a few made-up windows."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, Entry, read_json
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import Reconstruction, make_output
from zoo.recipes import anomaly_fan, autoencoders
from zoo.recipes.seal import seal

WINDOWS = 80
FAULTY = WINDOWS // 4  # of the validation split


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Noise on a hum; a faulty fan hums in another key."""
    rng = np.random.default_rng(0)
    time = np.arange(200)[:, None] / 200
    label = np.zeros(2 * WINDOWS, int)
    label[-FAULTY:] = 1
    hertz = np.where(label, 37, 20)[:, None, None]
    x = 200 * np.sin(2 * np.pi * hertz * time) + rng.normal(0, 20, (2 * WINDOWS, 200, 3))
    folder = tmp_path / "data" / "anomaly"
    folder.mkdir(parents=True)
    np.savez(
        folder / "fan.npz",
        x=x.astype(np.int16),
        label=label,
        split=np.repeat(["train", "val"], WINDOWS),
        speed=np.full(2 * WINDOWS, "low"),
        recording=np.full(2 * WINDOWS, "made up"),
        rate_hz=200,
    )
    return folder.parent


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where entries are written; training is short."""
    quick = {
        name: dataclasses.replace(each, training=dataclasses.replace(each.training, epochs=3))
        for name, each in anomaly_fan.CANDIDATES.items()
        if name != "convolutional"
    }
    monkeypatch.setattr(anomaly_fan, "CANDIDATES", quick)
    monkeypatch.setattr(autoencoders, "AWARE_EPOCHS", 1)
    monkeypatch.setattr(anomaly_fan, "MODELS", tmp_path / "zoo")
    monkeypatch.setattr(anomaly_fan, "BASELINES", tmp_path / "baselines")
    return {
        "anomaly-fan": tmp_path / "zoo" / "anomaly-fan",
        anomaly_fan.REFERENCE: tmp_path / "baselines" / "anomaly-fan" / anomaly_fan.REFERENCE,
    }


def run(monkeypatch: pytest.MonkeyPatch, data: Path) -> int:
    build = data.parent / "build"
    monkeypatch.setattr(sys, "argv", ["x", "--data", str(data), "--build", str(build)])
    return anomaly_fan.main()


def test_entries_are_complete_and_their_threshold_is_that_of_normal_data(
    data: Path, homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, data) == 0
    blocks = np.load(data / "anomaly" / "fan.npz")["x"][WINDOWS:-FAULTY]
    for name, home in homes.items():
        entry = seal(home)
        assert entry.name == name
        output = make_output(entry.output)
        assert isinstance(output, Reconstruction)
        assert (output.weights is None) == (name == anomaly_fan.REFERENCE)
        model = Pipeline(make_input(entry.input), entry.content(ORIGINAL), output)
        alarms = sum(model.predict(block).label == "anomaly" for block in blocks)
        assert alarms == 1  # one per cent of 60, and the quantile lies below the greatest


def test_what_is_trained_already_is_not_trained_again(
    data: Path, homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, data)
    before = {name: (home / ENTRY).read_bytes() for name, home in homes.items()}
    monkeypatch.setattr(anomaly_fan.autoencoders, "train", lambda *_: pytest.fail("trained"))
    assert run(monkeypatch, data) == 0
    assert before == {name: (home / ENTRY).read_bytes() for name, home in homes.items()}


def test_other_settings_or_data_are_trained_again(data: Path, homes: dict[str, Path]) -> None:
    blocks = anomaly_fan.tasks.load(data / "anomaly", "anomaly")
    candidate = anomaly_fan.CANDIDATES["anomaly-fan"]
    digest = anomaly_fan.fingerprint(candidate, blocks)
    assert digest == anomaly_fan.fingerprint(candidate, blocks)
    other_seed = dataclasses.replace(candidate.training, seed=9)
    changed = dataclasses.replace(candidate, training=other_seed)
    fewer = dataclasses.replace(blocks, train=blocks.train.take(np.arange(9)))
    assert digest != anomaly_fan.fingerprint(changed, blocks)
    assert digest != anomaly_fan.fingerprint(candidate, fewer)


def test_without_anomalies_nothing_can_be_chosen(
    data: Path, homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = data / "anomaly" / "fan.npz"
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"label": np.zeros_like(arrays["label"])})
    monkeypatch.setattr(anomaly_fan.autoencoders, "train", lambda *_: pytest.fail("trained"))
    assert run(monkeypatch, data) == 2
    assert "got 0 anomalies among 80 windows" in capsys.readouterr().err


def test_no_data_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "nowhere") == 2
    assert "nowhere/anomaly' is not a folder" in capsys.readouterr().err


def test_the_model_of_the_zoo_is_what_the_recipe_describes() -> None:
    """Texts of the entry are those of the recipe; weights and threshold are learned."""
    home = anomaly_fan.MODELS / "anomaly-fan"
    written = read_json(home / ENTRY)
    facts = {
        "config": written["input"]["config"],
        "weights": written["output"]["weights"],
        "threshold": written["output"]["threshold"],
        "chosen": written["quantization"],
    }
    assert written | {"sha256": {}} == anomaly_fan.entry("anomaly-fan", facts)
    assert len(Entry.read(home).output["weights"]) == anomaly_fan.LENGTH
