# SPDX-License-Identifier: Apache-2.0
"""Sketches that read sensors: what they print is what Python computes from the same recording."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests import c_programs
from tests.arduino import sketches
from tests.network_builder import NetworkBuilder, per_tensor
from tflm_converters import writer
from tflm_converters.graph import Graph
from tflm_mcunet import inference, zoo
from tflm_mcunet.arduino import export_arduino
from tflm_mcunet.arduino_library import Library
from tflm_mcunet.audio import Detector, DetectorConfig, Listening, LogMel, LogMelConfig
from tflm_mcunet.commands.zoo import export as zoo_export
from tflm_mcunet.host_process import HostProcess

Runtime = Literal["c", "tflm"]
RUNTIMES: tuple[Runtime, ...] = ("c", "tflm")

LOOPS = 3  # inferences before the test platform ends
PRINTED = 6e-5  # how far a number with four digits may be off


def printed(library: Library, folder: Path, **recordings: bytes) -> list[list[float]]:
    """What the sensor's sketch prints of each inference."""
    lines = lines_of(library, folder, **recordings)
    return list(_outputs(line for line in lines if line.endswith(" us") or ": " in line))


def lines_of(
    library: Library, folder: Path, *, loops: int = LOOPS, **recordings: bytes
) -> list[str]:
    """The lines that the sensor's sketch prints behind its self test."""
    assert library.sensor is not None
    archive = zipfile.ZipFile(io.BytesIO(library.zip()))
    archive.extractall(folder / "libraries")
    sketches.install_tflm(folder / "libraries")
    work = folder / "work"
    work.mkdir()
    name = library.sensor.sketch
    sketch = folder / "libraries" / library.name / "examples" / name / f"{name}.ino"
    elf = sketches.build(sketch, folder / "libraries", work, loops=loops)
    assert variables(elf) <= reckoned(library)
    first, *lines = sketches.run(elf, **recordings).splitlines()
    assert first == "self test passed: 0 differing bytes"
    return lines


def variables(elf: Path) -> int:
    """Bytes of SRAM."""
    table = c_programs.call(["arm-none-eabi-size", "-A", elf])
    return sum(int(n) for n in re.findall(r"^\.(?:data|bss)\s+(\d+)", table, re.MULTILINE))


def reckoned(library: Library) -> int:
    """What export says that a sketch takes besides the board's software."""
    sram, _ = library.memory
    return sram.total - sram.parts["the board's software"]


def _outputs(lines: Iterator[str]) -> Iterator[list[float]]:
    values: list[float] = []
    for line in lines:
        if line.endswith(" us"):
            assert int(line.removesuffix(" us")) > 0
            values = []
            yield values
        else:
            values.append(float(line.split(": ")[1]))


def computed(path: Path, library: Library, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """What TensorFlow Lite Micro computes with the original model, as real numbers."""
    with HostProcess() as host:
        samples = [(array,) for array in inputs]
        results = host.call(inference.run, path.read_bytes(), samples, subject=path.name)
    quantization = library.model.interface.outputs[0].quantization
    outputs = np.array([outputs[0].ravel() for outputs in results], np.float32)
    return (outputs - quantization.zero_point) * np.float32(quantization.scale)


def quantized(values: np.ndarray, library: Library) -> np.ndarray:
    """float32 as inputs of the model; halves are rounded away from zero."""
    quantization = library.model.interface.inputs[0].quantization
    steps = values.astype(np.float32) / np.float32(quantization.scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + quantization.zero_point
    return np.clip(rounded, -128, 127).astype(np.int8)


def save(graph: Graph, folder: Path) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(writer.write(graph))
    return path


# ---- Camera -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> list[Image.Image]:
    archive = zipfile.ZipFile(shared_data / "mlperf_tiny" / "vww01.zip")
    names = sorted(archive.namelist())[10 : 10 + LOOPS]
    return [Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names]


def seen(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a picture, (rows, columns, colours), at the model's size."""
    rows, cols = levels.shape[:2]
    kept_rows, kept_cols = min(rows, cols * height // width), min(cols, rows * width // height)
    top, left = (rows - kept_rows) // 2, (cols - kept_cols) // 2
    middle = levels[top : top + kept_rows, left : left + kept_cols].astype(np.float64)
    result = np.zeros((height, width, levels.shape[2]))
    for y in range(height):
        for x in range(width):
            block = middle[
                y * kept_rows // height : -(-(y + 1) * kept_rows // height),
                x * kept_cols // width : -(-(x + 1) * kept_cols // width),
            ]
            result[y, x] = np.floor(block.mean((0, 1)) + 0.5)
    return result


def rgb565(picture: np.ndarray) -> tuple[bytes, np.ndarray]:
    """What the camera sends of a picture, and the levels that it means."""
    red, green, blue = (picture[..., i].astype(np.uint16) >> s for i, s in ((0, 3), (1, 2), (2, 3)))
    sent = (red << 11 | green << 5 | blue).astype(">u2").tobytes()
    levels = np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], -1)
    return sent, levels


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("row_fed", [False, True])
def test_camera_in_colours(
    repository: Path, photos: list[Image.Image], tmp_path: Path, row_fed: bool, runtime: Runtime
) -> None:
    model = repository / "examples" / "vww_96_int8.tflite"
    library = export_arduino(
        model, library="Vww", board="nano33ble", runtime=runtime, row_fed=row_fed
    )
    assert library.sensor is not None and library.sensor.name == "camera"
    frames = [rgb565(np.asarray(photo.resize((160, 120)))) for photo in photos]
    pixels = [seen(levels, 96, 96).astype(np.float32) for _, levels in frames]
    inputs = [quantized(picture * np.float32(1 / 255), library)[None] for picture in pixels]
    got = printed(library, tmp_path, camera=b"".join(sent for sent, _ in frames))
    expected = computed(model, library, inputs)
    np.testing.assert_allclose(got, expected, atol=PRINTED)
    assert len({*map(tuple, got)}) == LOOPS  # the photos differ, and so do the answers


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_camera_in_gray(photos: list[Image.Image], tmp_path: Path, runtime: Runtime) -> None:
    """Pixels in about [-1, 1], more columns than the smallest resolution has."""
    b = NetworkBuilder()
    x = b.input(40, 170, 1)
    b.tensors[x] = dataclasses.replace(b.tensors[x], quantization=per_tensor(0.00784, 0))
    b.fully_connected(b.mean(b.conv(x, 6, kernel=3, stride=2)), 3)
    model = save(b.build(), tmp_path)
    library = export_arduino(
        model, library="Gray", board="nano33ble", runtime=runtime, row_fed=True
    )
    frames = [np.asarray(photo.convert("L").resize((176, 144))) for photo in photos]
    pixels = [seen(frame[..., None], 40, 170).astype(np.float32) for frame in frames]
    step = np.float32(2.0) / np.float32(255)
    inputs = [quantized(np.float32(-1) + picture * step, library)[None] for picture in pixels]
    got = printed(library, tmp_path, camera=b"".join(frame.tobytes() for frame in frames))
    np.testing.assert_allclose(got, computed(model, library, inputs), atol=PRINTED)


# ---- Inertial sensor --------------------------------------------------------------------


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("board", "axes", "row_fed"),
    [("nano33ble", 3, False), ("nano33ble", 6, True), ("nano33ble-rev2", 3, True)],
)
def test_inertial_sensor(
    shared_data: Path, tmp_path: Path, board: str, axes: int, row_fed: bool, runtime: Runtime
) -> None:
    samples = 64
    b = NetworkBuilder()
    x = b.input(samples, 1, axes)
    b.fully_connected(b.mean(b.conv(x, 8, kernel=(5, 1), stride=(2, 1))), 2)
    model = save(b.build(), tmp_path)
    library = export_arduino(model, library="Fan", board=board, runtime=runtime, row_fed=row_fed)
    assert library.sensor is not None and library.sensor.name == "imu"
    recorded = np.load(shared_data / "anomaly" / "fan.npz")
    acceleration = recorded["x"][:LOOPS, :samples] * recorded["lsb_g"]
    rotation = 90 * acceleration[..., ::-1]  # not recorded
    measured = np.concatenate([acceleration, rotation], -1).astype(np.float32)
    inputs = [quantized(window[:, None, :axes], library)[None] for window in measured]
    got = printed(library, tmp_path, imu=measured.tobytes())
    np.testing.assert_allclose(got, computed(model, library, inputs), atol=PRINTED)


@pytest.fixture(scope="module", params=RUNTIMES)
def fan(request: pytest.FixtureRequest) -> Library:
    """What `zoo export` makes of the model."""
    model = zoo.load("anomaly-fan")
    return zoo_export.library(model, "Fan", "nano33ble-rev2", runtime=request.param)


def vibration(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    """A healthy second of the fan, one with a coin on a blade, and a healthy one; float32, in g."""
    recorded = np.load(shared_data / "anomaly" / "fan.npz")
    is_test, is_anomaly = recorded["split"] == "test", recorded["label"] == 1
    normal, anomalies = np.flatnonzero(is_test & ~is_anomaly), np.flatnonzero(is_test & is_anomaly)
    chosen = recorded["x"][[normal[5], anomalies[len(anomalies) // 2], normal[9]]]
    acceleration = (chosen * np.float32(recorded["lsb_g"])).astype(np.float32)
    return chosen, np.concatenate([acceleration, 0 * acceleration], -1)


def test_vibration(fan: Library, shared_data: Path, tmp_path: Path) -> None:
    """Front end, network and score."""
    blocks, measured = vibration(shared_data)
    first, *lines = lines_of(fan, tmp_path, imu=measured.tobytes())
    assert first == "199.7 samples per second"  # as Arduino's library reckons
    predictions = [zoo.load("anomaly-fan").predict(block) for block in blocks]
    assert {prediction.label for prediction in predictions} == {"normal", "anomaly"}
    assert lines[2::3] == [prediction.label for prediction in predictions]
    scores = [float(line.removeprefix("score: ")) for line in lines[1::3]]
    expected = [prediction.scores["anomaly"] for prediction in predictions]
    np.testing.assert_allclose(scores, expected, atol=6e-6)


def test_vibration_at_another_rate(shared_data: Path, tmp_path: Path) -> None:
    """The nearest one of the first Nano's sensor."""
    fan = zoo_export.library(zoo.load("anomaly-fan"), "Fan", "nano33ble")
    _, measured = vibration(shared_data)
    lines = lines_of(fan, tmp_path, imu=measured.tobytes())
    assert lines == ["238.0 samples per second, but the model was trained with 200.0"]
    (written,) = tmp_path.rglob("wire.bin")
    ctrl_reg1_g, ctrl_reg6_xl = 0x10, 0x20
    assert written.read_bytes() == bytes([0x6B, ctrl_reg1_g, 0, 0x6B, ctrl_reg6_xl, 0b100_10_000])


# ---- Microphone -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def speech(shared_data: Path) -> np.ndarray:
    """A few recorded words, int16 at 16 kHz."""
    archive = zipfile.ZipFile(shared_data / "kws" / "en.zip")
    names = sorted(archive.namelist())[:4]
    clips = [soundfile.read(io.BytesIO(archive.read(name)), dtype="int16")[0] for name in names]
    return np.concatenate(clips)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("row_fed", [False, True])
def test_microphone(
    shared_data: Path, speech: np.ndarray, tmp_path: Path, row_fed: bool, runtime: Runtime
) -> None:
    rows, new_rows = 49, 12
    model = shared_data / "mlperf_tiny" / "models" / "kws_ref_model_int8.tflite"
    config = LogMelConfig(bins=10)
    settings = tmp_path / "front_end.json"
    settings.write_text(json.dumps(config.to_json()))
    library = export_arduino(
        model,
        library="Kws",
        board="nano33ble",
        runtime=runtime,
        front_end=settings,
        row_fed=row_fed,
    )
    quantization = library.model.interface.inputs[0].quantization
    fitting = config.for_input(scale=quantization.scale, zero_point=quantization.zero_point)
    features = LogMel(fitting).features(speech)
    windows = [features[i * new_rows :][:rows].reshape(1, rows, 10, 1) for i in range(LOOPS)]
    got = printed(library, tmp_path, microphone=speech.tobytes())
    np.testing.assert_allclose(got, computed(model, library, windows), atol=PRINTED)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_microphone_that_says_what_it_hears(
    shared_data: Path, speech: np.ndarray, tmp_path: Path, runtime: Runtime
) -> None:
    rows, channels, loops = 49, 12, 8
    model = shared_data / "mlperf_tiny" / "models" / "kws_ref_model_int8.tflite"
    config = LogMelConfig(bins=10)
    detector = DetectorConfig(thresholds=(-120,) * channels, window=2, refractory=2)
    listening = Listening(new_rows=7, detector=detector)
    files = {"front_end": config.to_json(), "detector": listening.to_json()}
    options = {name: tmp_path / f"{name}.json" for name in files}
    for name, path in options.items():
        path.write_text(json.dumps(files[name]))
    library = export_arduino(
        model, library="Kws", board="nano33ble", runtime=runtime, row_fed=True, **options
    )
    got = lines_of(library, tmp_path, loops=loops, microphone=speech.tobytes())
    quantization = library.model.interface.inputs[0].quantization
    fitting = config.for_input(scale=quantization.scale, zero_point=quantization.zero_point)
    features = LogMel(fitting).features(speech)
    windows = [features[i * 7 :][:rows].reshape(1, rows, 10, 1) for i in range(loops)]
    outputs = computed(model, library, windows)
    scale = library.model.interface.outputs[0].quantization
    posteriors = np.rint(outputs / scale.scale + scale.zero_point).astype(np.int8)
    heard = Detector(detector)
    found = [(heard.push(row), real) for row, real in zip(posteriors, outputs, strict=True)]
    expected = [f"heard {label}: {real[label]:.4f}" for label, real in found if label is not None]
    assert got == expected and 2 <= len(expected) < loops
