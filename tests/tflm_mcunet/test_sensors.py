# SPDX-License-Identifier: Apache-2.0
"""Which sensor feeds a model, and what is said if none does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.network_builder import NetworkBuilder, per_tensor
from tflm_converters import writer
from tflm_converters.emit.c_interface import Interface
from tflm_converters.errors import BudgetError, ConversionError
from tflm_converters.graph import Quantization
from tflm_mcunet import boards, sensors
from tflm_mcunet.arduino import export_arduino
from tflm_mcunet.audio import LogMelConfig, LogSpectrumConfig
from tflm_mcunet.exporting import export_c

BOARD = boards.get("nano33ble")
UNIT = per_tensor(1 / 255, -128)


def save(folder: Path, *shape: int, quantization: Quantization = UNIT) -> Path:
    """A small model with this input."""
    b = NetworkBuilder()
    x = b.input(*shape)
    b.tensors[x] = dataclasses.replace(b.tensors[x], quantization=quantization)
    flat = b.reshape(x, 1, int(np.prod(shape)))
    b.fully_connected(flat, 2)
    path = folder / "model.tflite"
    path.write_bytes(writer.write(b.build()))
    return path


def exported(folder: Path, *shape: int, quantization: Quantization = UNIT) -> Interface:
    return export_c(save(folder, *shape, quantization=quantization), samples=1).interface


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((32, 24, 3), "camera"),
        ((20, 20, 1), "camera"),
        ((100, 1, 3), "imu"),
        ((100, 3, 1), "imu"),
        ((64, 1, 6), "imu"),
        ((49, 10, 1), None),
        ((10, 10, 3), None),
        ((40,), None),
    ],
)
def test_shapes_tell_the_sensor(tmp_path: Path, shape: tuple[int, ...], name: str | None) -> None:
    chosen = sensors.choose(None, model=exported(tmp_path, *shape), board=BOARD)
    assert (chosen.name if chosen else None) == name


def test_none_is_none(tmp_path: Path) -> None:
    assert sensors.choose("none", model=exported(tmp_path, 32, 24, 3), board=BOARD) is None


@pytest.mark.parametrize(
    ("sensor", "shape", "message"),
    [
        ("camera", (49, 10, 1), "at least 16x16 pixels in 1 or 3 colours, but .* takes 49x10x1"),
        ("camera", (32, 32, 2), "takes 32x32x2"),
        ("imu", (32, 32, 3), "windows of samples .* takes 32x32x3"),
        ("microphone", (49, 10, 1), "needs --front-end"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, sensor: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConversionError, match=message):
        sensors.choose(sensor, model=exported(tmp_path, *shape), board=BOARD)


def test_standardized_pictures_are_refused_with_their_range(tmp_path: Path) -> None:
    model = exported(tmp_path, 32, 32, 1, quantization=per_tensor(0.02, 0))
    with pytest.raises(ConversionError, match=r"from -2.56 to 2.54, .* pixels \[0, 1\], \[-1, 1\]"):
        sensors.choose("camera", model=model, board=BOARD)


def test_boards_without_the_sensor_are_refused(tmp_path: Path) -> None:
    model = exported(tmp_path, 32, 24, 3)
    with pytest.raises(ConversionError, match="Raspberry Pi Pico has no camera .* it has: none"):
        sensors.choose("camera", model=model, board=boards.get("rp2040"))
    assert sensors.choose(None, model=model, board=boards.get("rp2040")) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected a LogMelConfig or a LogSpectrumConfig as JSON"),
        ("[1]", "expected a LogMelConfig or a LogSpectrumConfig as JSON"),
        (json.dumps({"bins": 7}), "bins that divide the 10 values of a row .* got 7"),
        (json.dumps({"beans": 7}), "got beans"),
        (json.dumps({"bins": 10, "rate": 8000}), "rate of 16000, .* got 8000"),
    ],
)
def test_front_ends_are_checked(tmp_path: Path, content: str, message: str) -> None:
    front_end = tmp_path / "front_end.json"
    front_end.write_text(content)
    model = exported(tmp_path, 49, 10, 1)
    with pytest.raises(ConversionError, match=message):
        sensors.choose(None, model=model, board=BOARD, front_end=front_end)


def test_front_ends_tell_the_sensor(tmp_path: Path) -> None:
    model = exported(tmp_path, 32, 24, 3)
    front_end = tmp_path / "x.json"
    for config, sensor in ((LogMelConfig(), "microphone"), (LogSpectrumConfig(), "imu")):
        front_end.write_text(config.dumps())
        with pytest.raises(ConversionError, match=f"for --sensor {sensor}, not for .* camera"):
            sensors.choose("camera", model=model, board=BOARD, front_end=front_end)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"axes": 6}, "expected 3 axes, .* got 6"),
        ({"axes": 3, "bands": 8}, "make the 288 values of the input of .* got 3 x 8"),
        ({"axes": 3, "beans": 7}, "got beans"),
    ],
)
def test_log_spectra_are_checked(tmp_path: Path, config: dict[str, float], message: str) -> None:
    front_end = tmp_path / "front_end.json"
    front_end.write_text(json.dumps(config))
    model = exported(tmp_path, 1, 1, 288)
    with pytest.raises(ConversionError, match=message):
        sensors.choose(None, model=model, board=BOARD, front_end=front_end)


def test_anomalies_are_checked(tmp_path: Path) -> None:
    front_end, anomaly = tmp_path / "front_end.json", tmp_path / "anomaly.json"
    front_end.write_text(LogSpectrumConfig().dumps())
    anomaly.write_text(json.dumps({"weights": [1, 2], "threshold": 0.5}))
    model = exported(tmp_path, 1, 1, 288)
    with pytest.raises(ConversionError, match="as many values as weights, 2, but .* have 288, "):
        sensors.choose(None, model=model, board=BOARD, front_end=front_end, anomaly=anomaly)
    with pytest.raises(ConversionError, match="--anomaly needs --front-end"):
        sensors.choose(None, model=model, board=BOARD, anomaly=anomaly)


def test_a_frame_that_does_not_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    model = save(tmp_path, 96, 96, 3)
    assert BOARD.arduino is not None
    small = dataclasses.replace(BOARD, sram_bytes=BOARD.arduino.sram_bytes + 40_000)
    with pytest.raises(BudgetError, match=r"SRAM \(.*camera frame 38,400, .*--sensor none"):
        export_arduino(model, library="Model", board=small)
    made = export_arduino(model, library="Model", board=small, sensor="none")
    assert list(made.sketches) == ["SelfTest"]


def test_detectors_are_checked(tmp_path: Path) -> None:
    model = exported(tmp_path, 49, 10, 1)
    front_end, detector = tmp_path / "front_end.json", tmp_path / "detector.json"
    front_end.write_text('{"bins": 10}')
    with pytest.raises(ConversionError, match="needs --front-end"):
        sensors.choose(None, model=model, board=BOARD, detector=detector)
    for content, message in (
        ("{", "expected a Listening as JSON"),
        ('{"new_rows": 7, "thresholds": [1]}', "expected a threshold for each of the 2 output"),
    ):
        detector.write_text(content)
        with pytest.raises(ConversionError, match=message):
            sensors.choose(None, model=model, board=BOARD, front_end=front_end, detector=detector)
