# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo`, on a zoo with one small model."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.tflm_mcunet.zoo import fake_zoo, figures
from tflm_mcunet import cli, zoo
from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.results import Results

Capture = pytest.CaptureFixture[str]


def text_of(capsys: Capture, *arguments: object) -> str:
    assert cli.main(["zoo", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def result_of(capsys: Capture, *arguments: object) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(text_of(capsys, *arguments, "--json"))
    return result


def error_of(capsys: Capture, *arguments: object) -> str:
    assert cli.main(["zoo", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


@pytest.fixture
def evaluated(zoo_folder: Path) -> Path:
    """The folder of the model, with results."""
    figures.write(zoo_folder / "tiny-photo")
    return zoo_folder / "tiny-photo"


# ---- list --------------------------------------------------------------------------------


def test_list_shows_what_models_need(evaluated: Path, capsys: Capture) -> None:
    text = text_of(capsys, "list", "--board", "nano33ble", "--board", "rp2040")
    header, _, row = text.splitlines()[:3]
    assert "ms, nano33ble" in header and "ms, rp2040" in header
    for cell in ("tiny-photo", "photo 9×7×3", "80.0%", "2,000", "2,121", "5,003", "30,000", "16.0"):
        assert cell in row
    assert row.endswith("–")  # nothing is known of a Cortex-M0+


def test_list_as_json(evaluated: Path, capsys: Capture) -> None:
    (model,) = result_of(capsys, "list")["models"]
    assert (model["name"], model["accuracy"], model["feeding"]) == (
        "tiny-photo",
        0.8,
        "whole input",
    )
    assert model["estimated_ms"] == {"nano33ble": pytest.approx(640_000 * 1.6 / 64e6 * 1000)}


def test_list_shows_models_that_are_not_evaluated(zoo_folder: Path, capsys: Capture) -> None:
    assert "tiny-photo" in text_of(capsys, "list")
    assert result_of(capsys, "list")["models"][0]["evaluated"] is False


def test_list_of_an_empty_zoo(site: Path, capsys: Capture) -> None:
    fake_zoo.publish(site, "empty_zoo")
    assert text_of(capsys, "list") == "The installed zoos hold no models.\n"


def test_errors_are_one_line(no_zoo: None, capsys: Capture) -> None:
    assert "pip install tflm-mcunet-zoo" in error_of(capsys, "list")
    assert "unknown board 'uno'" in error_of(capsys, "list", "--board", "uno")


# ---- show --------------------------------------------------------------------------------


def test_show_prints_the_card(evaluated: Path, capsys: Capture) -> None:
    entry = zoo.entry("tiny-photo")
    card = model_card.markdown(entry, Results.read(entry))
    assert text_of(capsys, "show", "tiny-photo") == card
    result = result_of(capsys, "show", "tiny-photo")
    assert result["card"] == card
    assert result["entry"]["sha256"] == entry.sha256
    assert result["results"]["original"]["macs"] == 120_000


def test_show_draws_into_a_folder(evaluated: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "card"
    assert f"Written to '{out}'" in text_of(capsys, "show", "tiny-photo", "--out", out)
    assert {path.name for path in out.iterdir()} == {"card.html", "arena.png", "confusion.png"}
    page = (out / "card.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 2
    for text in ("80.0%", "2,000", "A network of random weights", "knows nothing"):
        assert text in page


def test_show_draws_what_there_is(zoo_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    text_of(capsys, "show", "tiny-photo", "--out", tmp_path / "card")
    assert {p.name for p in (tmp_path / "card").iterdir()} == {"card.html", "arena.png"}


def test_show_of_an_unknown_model(zoo_folder: Path, capsys: Capture) -> None:
    assert "did you mean tiny-photo?" in error_of(capsys, "show", "tinyphoto")


# ---- export ------------------------------------------------------------------------------


def test_export_makes_a_library(zoo_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "Tiny.zip"
    result = result_of(capsys, "export", "tiny-photo", "--board", "uno-r4", "--out", out)
    assert (result["library"], result["name"], result["row_fed"]) == ("Tiny", "tiny_photo", False)
    with zipfile.ZipFile(out) as archive:
        header = archive.read("Tiny/src/tiny_photo.h").decode()
        source = archive.read("Tiny/src/tiny_photo.c").decode()
    assert "tiny_photo" in header
    assert all(f'"{label}"' in source for label in fake_zoo.LABELS)


def test_export_converts_as_the_entry_says(
    site: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fake_zoo.publish(site, "one_zoo")
    fake_zoo.add_model(folder, "tiny-photo", conversion={"row_fed": True})
    monkeypatch.chdir(tmp_path)
    assert result_of(capsys, "export", "tiny-photo")["row_fed"] is True
    assert (tmp_path / "TinyPhoto.zip").is_file()


def test_export_for_tensorflow_lite_micro(
    zoo_folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "Tiny.zip"
    result = result_of(capsys, "export", "tiny-photo", "--runtime", "tflm", "--out", out)
    assert result["operators"] == ["tflm_mcunet::AddOperator(resolver)"]
    with zipfile.ZipFile(out) as archive:
        source = archive.read("Tiny/src/tiny_photo.cpp").decode()
    assert "tflite::MicroInterpreter" in source
    assert all(f'"{label}"' in source for label in fake_zoo.LABELS)


@pytest.mark.parametrize(("board", "sensor"), [("nano33ble", "microphone"), ("uno-r4", None)])
def test_export_takes_the_front_end_of_a_model_for_sound(
    site: Path, tmp_path: Path, capsys: Capture, board: str, sensor: str | None
) -> None:
    folder = fake_zoo.publish(site, "one_zoo")
    sound = {"kind": "log-mel", "config": {"bins": 21}}
    fake_zoo.add_model(folder, "tiny-sound", input=sound)
    out = tmp_path / "Tiny.zip"
    result = result_of(capsys, "export", "tiny-sound", "--board", board, "--out", out)
    assert result["sensor"] == sensor


@pytest.mark.parametrize("sensor", [None, "none"])
def test_export_takes_the_detector_of_a_model_that_listens(
    site: Path, tmp_path: Path, capsys: Capture, sensor: str | None
) -> None:
    folder = fake_zoo.publish(site, "one_zoo")
    sound = {"kind": "log-mel", "config": {"bins": 21}}
    listening = {"new_rows": 7, "thresholds": [99, 127], "window": 2, "refractory": 6}
    output = {"kind": "classes", "labels": list(fake_zoo.LABELS), "listening": listening}
    fake_zoo.add_model(folder, "tiny-sound", input=sound, output=output)
    out = tmp_path / "Tiny.zip"
    options = [] if sensor is None else ["--sensor", sensor]
    result = result_of(capsys, "export", "tiny-sound", "--out", out, *options)
    assert result["sensor"] == (None if sensor else "microphone")
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        assert ("Tiny/src/tiny_sound_detector.c" in names) == (sensor is None)
        if sensor is None:
            sketch = archive.read("Tiny/examples/Microphone/Microphone.ino").decode()
            assert "kNewRows = 7;" in sketch and "heard " in sketch


def test_export_errors(zoo_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "expected a .zip file" in error_of(capsys, "export", "tiny-photo", "--out", "Tiny")
    out = tmp_path / "Tiny.zip"
    message = error_of(capsys, "export", "tiny-photo", "--board", "esp32-s3", "--out", out)
    assert "Arduino core" in message and not out.exists()


# ---- eval --------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path, zoo_folder: Path) -> tuple[Path, list[list[int]]]:
    """A folder of photos, and what the model takes them for."""
    model = zoo.load("tiny-photo")
    rng = np.random.default_rng(1)
    confusion = [[0, 0], [0, 0]]
    for index in range(6):
        photo = rng.integers(0, 256, (20, 30, 3), np.uint8)
        right = index % 2
        path = tmp_path / "photos" / fake_zoo.LABELS[right] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path)
        confusion[right][fake_zoo.LABELS.index(model.predict(photo).label)] += 1
    return tmp_path / "photos", confusion


def test_eval_counts_the_right_answers(
    photos: tuple[Path, list[list[int]]], tmp_path: Path, capsys: Capture
) -> None:
    folder, confusion = photos
    out = tmp_path / "pictures"
    result = result_of(capsys, "eval", "tiny-photo", "--data", folder, "--out", out)
    assert result["confusion"] == confusion
    assert result["accuracy"] == (confusion[0][0] + confusion[1][1]) / 6
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    text = text_of(capsys, "eval", "tiny-photo", "--data", folder)
    assert f"Accuracy: {result['accuracy']:.2%} of 6 files; AUC {result['auc']:.3f}" in text


def test_eval_names_files_that_are_no_photos(
    photos: tuple[Path, list[list[int]]], capsys: Capture
) -> None:
    folder, _ = photos
    (folder / "person" / "broken.png").write_text("not a photo")
    assert "broken.png" in error_of(capsys, "eval", "tiny-photo", "--data", folder)


@pytest.mark.parametrize("action", ["list", "show", "export", "eval"])
def test_help_names_json(action: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["zoo", action, "--help"])
    assert stop.value.code == 0
    assert "--json" in capsys.readouterr().out
