# SPDX-License-Identifier: Apache-2.0
"""How a sketch reads a sensor for a model, and what that takes of the board."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tflm_converters.emit.c_interface import Interface
from tflm_converters.errors import ConversionError, UnsupportedModelError
from tflm_mcunet import front_ends
from tflm_mcunet.audio.anomaly import anomaly_settings
from tflm_mcunet.audio.c_source import (
    ANOMALY_FUNCTIONS,
    DETECTOR_FUNCTIONS,
    LOG_MEL_FUNCTIONS,
    LOG_SPECTRUM_FUNCTIONS,
    c_anomaly,
    c_detector,
    c_log_mel,
    c_log_spectrum,
)
from tflm_mcunet.boards import Board
from tflm_mcunet.inertial import BY_LIBRARY as INERTIAL_SENSORS

_K = 1024
_FRAMES = (("QQVGA", 120, 160), ("QCIF", 144, 176), ("QVGA", 240, 320))
"""The camera's resolutions: name, height, width."""
_LEVELS = 256
_PIXEL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""Real values of dark and bright that models are trained with."""
_RANGE_TOLERANCE = 0.02  # of the range: calibration sees no ideal black and white
_LEAST_PICTURE = 16  # rows and columns, below which a shape does not tell a picture
_LEAST_WINDOW = 16  # samples, below which a shape does not tell a window

_MEASURED = {3: "acceleration in g", 6: "acceleration in g and rotation in degrees per second"}
"""What so many axes are."""

_AXES = 3  # of acceleration
_STEPS_PER_G = 2048  # of the int16 that log spectra are computed from
_RATE_TOLERANCE = 0.05  # of a sensor's rate, beyond which its spectra are others

_PDM_RATE = 16_000
_PDM_SAMPLES = 256
_DETECTOR = 16  # bytes of tmc_detector, and what aligns it
_RING_SAMPLES = 8 * _K  # half a second: what may arrive while the model computes


REPORT_OUTPUTS = ("print_output.ino", "report_outputs.ino")
"""The templates of a sketch that prints all outputs."""


@dataclasses.dataclass(frozen=True)
class Sensor:
    """A sensor for a model.

    `library` is the Arduino library that reads it, empty if it comes with the core. `sram` and
    `flash_bytes` are what library and sketch take beside the model: those of libraries are
    estimates on the safe side. The sketch is made of the templates `reading`, and `report` of
    what it does with an inference, filled with `values`; `files` are sources that it needs, and
    `functions` those of the runtime.
    """

    name: str
    title: str
    library: str
    includes: tuple[str, ...]
    sram: dict[str, int]
    flash_bytes: int
    reading: tuple[str, ...]
    values: dict[str, object]
    functions: frozenset[str] = frozenset()
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    report: tuple[str, ...] = REPORT_OUTPUTS

    @property
    def sketch(self) -> str:
        """Its name."""
        return self.name.capitalize()


def choose(
    name: str | None,
    *,
    model: Interface,
    board: Board,
    front_end: str | Path | None = None,
    detector: str | Path | None = None,
    anomaly: str | Path | None = None,
) -> Sensor | None:
    """The sensor of this name, or the one that the model's input tells; None if it tells none.

    Args:
        name: one of `boards.SENSORS`, or "none".
        model: what the sensor feeds.
        board: what has the sensor.
        front_end: JSON file of what the model was trained with: a `LogMelConfig`, which chooses
            the microphone, or a `LogSpectrumConfig`, which chooses the inertial sensor.
        detector: JSON file of the `Listening` that says what a microphone's model detects.
        anomaly: JSON file of the `AnomalyConfig` by which an auto-encoder behind a
            `LogSpectrumConfig` is judged.

    Raises:
        UnsupportedModelError: the sensor does not yield what the model takes.
        ConversionError: the board has no such sensor, or the front end does not fit.
    """
    if front_end is not None:
        return _behind_front_end(name, model, board, Path(front_end), detector, anomaly)
    if detector is not None:
        raise ConversionError("--detector needs --front-end, the JSON file of a LogMelConfig")
    if anomaly is not None:
        raise ConversionError("--anomaly needs --front-end, the JSON file of a LogSpectrumConfig")
    if name == "none":
        return None
    if name is not None:
        return _MAKERS[name](model, board)
    for guess in (_camera, _imu):
        try:
            return guess(model, board)
        except ConversionError:
            continue
    return None


def _behind_front_end(
    name: str | None,
    model: Interface,
    board: Board,
    front_end: Path,
    detector: str | Path | None,
    anomaly: str | Path | None,
) -> Sensor:
    """The sensor that a front end is for."""
    is_vibration = front_ends.is_log_spectrum(front_end)
    kind = "imu" if is_vibration else "microphone"
    if name not in (None, kind):
        raise ConversionError(f"{front_end} is for --sensor {kind}, not for --sensor {name}")
    if is_vibration:
        if detector is not None:
            raise ConversionError("--detector is for a microphone, not for --sensor imu")
        return _vibration(model, board, front_end, anomaly)
    if anomaly is not None:
        raise ConversionError("--anomaly is for --sensor imu, not for a microphone")
    sensor = _microphone(model, board, front_end)
    return sensor if detector is None else _with_detector(sensor, model, Path(detector))


def _camera(model: Interface, board: Board) -> Sensor:
    library = _library(board, "camera")
    height, width, channels = _shape(model)
    if channels not in (1, 3) or min(height, width) < _LEAST_PICTURE:
        raise UnsupportedModelError(
            f"a camera yields pictures of at least {_LEAST_PICTURE}x{_LEAST_PICTURE} pixels in 1 "
            f"or 3 colours, but {model.title} takes {height}x{width}x{channels}"
        )
    darkest, brightest = _pixel_range(model)
    resolution, frame_height, frame_width = _resolution(height, width)
    frame_bytes = frame_height * frame_width * (1 if channels == 1 else 2)
    return Sensor(
        name="camera",
        title="an OV7675 camera",
        library=library,
        includes=("tmc_image.h", f"{library}.h"),
        sram={"camera frame": frame_bytes, "camera library": 4 * _K + _LEVELS},
        flash_bytes=24 * _K,
        reading=("camera.ino",),
        values={
            "frame_bytes": frame_bytes,
            "frame_height": frame_height,
            "frame_width": frame_width,
            "resolution": resolution,
            "pixel_format": "TMC_GRAY8" if channels == 1 else "TMC_RGB565",
            "camera_format": "GRAYSCALE" if channels == 1 else "RGB565",
            "darkest": f"{darkest:.1f}f",
            "step": f"{brightest - darkest:.1f}f / {_LEVELS - 1}",
        },
        functions=frozenset({"tmc_image_row"}),
    )


def _pixel_range(model: Interface) -> tuple[float, float]:
    quantization = model.inputs[0].quantization
    scale, zero_point = quantization.scale, quantization.zero_point
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    for darkest, brightest in _PIXEL_RANGES:
        tolerance = _RANGE_TOLERANCE * (brightest - darkest)
        if abs(low - darkest) < tolerance and abs(high - brightest) < tolerance:
            return darkest, brightest
    known = ", ".join(f"[{a:g}, {b:g}]" for a, b in _PIXEL_RANGES)
    raise UnsupportedModelError(
        f"{model.title} takes values from {low:.3g} to {high:.3g}, which are none of the ranges "
        f"of pixels {known}; train it with one of them"
    )


def _resolution(height: int, width: int) -> tuple[str, int, int]:
    """The smallest frame that has as many rows and columns as the model, else the largest."""
    enough = (frame for frame in _FRAMES if frame[1] >= height and frame[2] >= width)
    return next(enough, _FRAMES[-1])


def _imu(model: Interface, board: Board) -> Sensor:
    library = _library(board, "imu")
    shape = _shape(model)
    long = [extent for extent in shape if extent > 1]
    if len(long) != 2 or long[0] < _LEAST_WINDOW or long[1] not in _MEASURED:
        raise UnsupportedModelError(
            "an inertial sensor yields windows of samples with 3 axes (acceleration) or 6 (and "
            f"rotation), but {model.title} takes {'x'.join(map(str, shape))}"
        )
    return Sensor(
        name="imu",
        title="an inertial sensor",
        library=library,
        includes=(f"{library}.h",),
        sram={"inertial sensor's library": 4 * _K},
        flash_bytes=48 * _K,
        reading=("imu.ino",),
        values={"axes": long[1], "measured": _MEASURED[long[1]]},
    )


def _vibration(
    model: Interface, board: Board, front_end: Path, anomaly: str | Path | None
) -> Sensor:
    """The inertial sensor, whose acceleration becomes log spectra."""
    library = _library(board, "imu")
    inertial = INERTIAL_SENSORS[library]
    height, width, channels = _shape(model)
    values = height * width * channels
    config = front_ends.log_spectrum(front_end, model, axes=_AXES, values=values)
    files = c_log_spectrum(config, name=model.name, title=model.title)
    includes = [f"{model.name}_log_spectrum.h"]
    functions = LOG_SPECTRUM_FUNCTIONS
    score: dict[str, object] = {"has_score": 0, "real_score": "0"}
    if anomaly is not None:
        judged = front_ends.anomaly(Path(anomaly), model)
        given, got = (port.quantization for port in (model.inputs[0], model.outputs[0]))
        settings = anomaly_settings(
            judged, given=(given.scale, given.zero_point), got=(got.scale, got.zero_point)
        )
        files |= c_anomaly(settings, name=model.name, title=model.title)
        includes.append(f"{model.name}_anomaly.h")
        functions |= ANOMALY_FUNCTIONS
        score = {"has_score": 1, "real_score": repr(settings.real(1))}
    return Sensor(
        name="imu",
        title="an inertial sensor",
        library=library,
        includes=(*includes, f"{library}.h"),
        sram={
            "inertial sensor's library": 4 * _K,
            "samples and features": 2 * config.window * _AXES + 4 * config.fft_size + values,
        },
        flash_bytes=48 * _K,
        values={
            "steps_per_g": _STEPS_PER_G,
            "tolerance": _RATE_TOLERANCE,
            **inertial.setting(config.rate),
            **score,
        },
        functions=functions,
        files={name: text.encode() for name, text in files.items()},
        reading=(inertial.template, "vibration.ino"),
        report=REPORT_OUTPUTS if anomaly is None else ("report_score.ino",),
    )


def _microphone(model: Interface, board: Board, front_end: str | Path | None = None) -> Sensor:
    library = _library(board, "microphone")
    if front_end is None:
        raise ConversionError(
            "--sensor microphone needs --front-end, the JSON file of the LogMelConfig that the "
            f"features of {model.title} are computed with"
        )
    height, width, channels = _shape(model)
    config = front_ends.log_mel(Path(front_end), model, rate=_PDM_RATE, values=width * channels)
    rows = height * width * channels // config.bins
    history = rows * config.bins
    work = 2 * config.window + 4 * config.fft_size
    tables = c_log_mel(config, name=model.name, title=model.title)
    return Sensor(
        name="microphone",
        title="a PDM microphone",
        library="",
        includes=(f"{model.name}_log_mel.h", "tmc_ring.h", f"{library}.h"),
        sram={
            "microphone ring": 2 * _RING_SAMPLES,
            "microphone library": 4 * _PDM_SAMPLES + _K,
            "features": history + work,
        },
        flash_bytes=16 * _K,
        reading=("microphone.ino",),
        values={
            "ring_samples": _RING_SAMPLES,
            "pdm_samples": _PDM_SAMPLES,
            "pdm_bytes": 2 * _PDM_SAMPLES,
            "new_rows": max(1, rows // 4),
        },
        functions=LOG_MEL_FUNCTIONS | {"tmc_ring_write"},
        files={name: text.encode() for name, text in tables.items()},
    )


def _with_detector(sensor: Sensor, model: Interface, path: Path) -> Sensor:
    """A microphone whose sketch says what it hears."""
    listening = front_ends.listening(path, model)
    settings = listening.detector
    channels = len(settings.thresholds)
    tables = c_detector(settings, name=model.name, title=model.title)
    return dataclasses.replace(
        sensor,
        includes=(f"{model.name}_detector.h", *sensor.includes),
        sram=sensor.sram | {"detector": (settings.window + 4) * channels + _DETECTOR},
        values=sensor.values | {"new_rows": listening.new_rows},
        functions=sensor.functions | DETECTOR_FUNCTIONS,
        files=sensor.files | {name: text.encode() for name, text in tables.items()},
        report=("print_output.ino", "report_detections.ino"),
    )


def _shape(model: Interface) -> tuple[int, int, int]:
    """Height, width and channels of the only input."""
    if len(model.inputs) != 1:
        raise UnsupportedModelError(
            f"a sensor feeds one input, but {model.title} has {len(model.inputs)}"
        )
    (port,) = model.inputs
    if port.dtype != "int8":
        raise UnsupportedModelError(f"a sketch feeds int8, but {model.title} takes {port.dtype}")
    return port.shape


def _library(board: Board, sensor: str) -> str:
    """The Arduino library that reads the board's sensor."""
    if sensor not in board.sensors:
        known = ", ".join(board.sensors) or "none"
        raise ConversionError(
            f"{board.title} has no {sensor} that a sketch can read; those it has: {known}"
        )
    return board.sensors[sensor]


_MAKERS: dict[str, Callable[[Interface, Board], Sensor]] = {
    "camera": _camera,
    "microphone": _microphone,
    "imu": _imu,
}
