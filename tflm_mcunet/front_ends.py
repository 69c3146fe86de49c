# SPDX-License-Identifier: Apache-2.0
"""Front ends and scores of a model, read from the JSON files that are stored beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tflm_converters.emit.c_interface import Interface, Port
from tflm_converters.errors import ConversionError, UnsupportedModelError
from tflm_mcunet.audio.anomaly import AnomalyConfig
from tflm_mcunet.audio.config import LogMelConfig, LogSpectrumConfig
from tflm_mcunet.audio.detector import Listening
from tflm_mcunet.files import read_file

_Config = TypeVar("_Config")


def is_log_spectrum(path: Path) -> bool:
    """Whether the fields of a front end are those of an inertial sensor's, not a microphone's."""
    fields = _read(path, "a LogMelConfig or a LogSpectrumConfig", lambda fields: dict(fields))
    return "axes" in fields


def log_mel(path: Path, model: Interface, *, rate: int, values: int) -> LogMelConfig:
    """The front end of a model whose rows have this many values, at a microphone's rate.

    Raises:
        ConversionError: the file holds none, or none that fits.
    """
    config = _read(path, "a LogMelConfig", LogMelConfig.from_json)
    if config.rate != rate:
        raise ConversionError(
            f"{path}: expected a rate of {rate}, which is the microphone's, got {config.rate}"
        )
    if values % config.bins:
        raise ConversionError(
            f"{path}: expected bins that divide the {values} values of a row of {model.title}, "
            f"got {config.bins}"
        )
    quantization = model.inputs[0].quantization
    return config.for_input(scale=quantization.scale, zero_point=quantization.zero_point)


def log_spectrum(path: Path, model: Interface, *, axes: int, values: int) -> LogSpectrumConfig:
    """The front end of a model whose input has this many values, for so many axes.

    Raises:
        ConversionError: the file holds none, or none that fits.
    """
    config = _read(path, "a LogSpectrumConfig", LogSpectrumConfig.from_json)
    if config.axes != axes:
        raise ConversionError(
            f"{path}: expected {axes} axes, those of acceleration, got {config.axes}"
        )
    if config.axes * config.bands != values:
        raise ConversionError(
            f"{path}: expected axes and bands that make the {values} values of the input of "
            f"{model.title}, got {config.axes} x {config.bands}"
        )
    quantization = model.inputs[0].quantization
    return config.for_input(scale=quantization.scale, zero_point=quantization.zero_point)


def listening(path: Path, model: Interface) -> Listening:
    """When the averaged outputs of a model are a detection.

    Raises:
        ConversionError: the file does not say, or not for this model.
    """
    config = _read(path, "a Listening", Listening.from_json)
    thresholds = len(config.detector.thresholds)
    channels = _int8(model, model.outputs[0]).shape[-1]
    if thresholds != channels:
        raise ConversionError(
            f"{path}: expected a threshold for each of the {channels} output channels, got "
            f"{thresholds}"
        )
    return config


def anomaly(path: Path, model: Interface) -> AnomalyConfig:
    """When what an auto-encoder makes of its input is an anomaly.

    Raises:
        ConversionError: the file does not say, or not for this model.
    """
    config = _read(path, "an AnomalyConfig", AnomalyConfig.from_json)
    sizes = [_int8(model, port).values for port in (*model.inputs, *model.outputs)]
    if sizes != [len(config.weights)] * 2:
        raise ConversionError(
            f"{path}: expected an auto-encoder with one input and one output of as many values as "
            f"weights, {len(config.weights)}, but those of {model.title} have "
            f"{', '.join(map(str, sizes))}"
        )
    return config


def _int8(model: Interface, port: Port) -> Port:
    if port.dtype != "int8":
        raise UnsupportedModelError(
            f"outputs are judged as int8, but {model.title} has {port.dtype}"
        )
    return port


def _read(path: Path, what: str, parse: Callable[[Any], _Config]) -> _Config:
    try:
        return parse(json.loads(read_file(path)))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ConversionError(f"{path}: expected {what} as JSON, got {error}") from None
