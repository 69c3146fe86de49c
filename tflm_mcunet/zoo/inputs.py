# SPDX-License-Identifier: Apache-2.0
"""From what a user has, a photo or an array, to the real-valued input of a model.

Each kind of input is a dataclass; its fields are those of `input` in `entry.json`, beside
`kind`. Another kind is a class here and a row in `KINDS`.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from tflm_converters.errors import ConversionError
from tflm_mcunet.audio import LogMel, LogMelConfig, LogSpectrum, LogSpectrumConfig
from tflm_mcunet.files import read_array
from tflm_mcunet.report.text import shape_text
from tflm_mcunet.tasks.audio import ClipFormat, fitted, read_recording
from tflm_mcunet.zoo.entry import build

Source = np.ndarray | str | os.PathLike[str]
"""An array, or the path of a file."""


class InputError(ConversionError):
    """What was given to a model is not what it takes."""


class Input(Protocol):
    """How a model is fed. `suffixes` are those of the files it can be given."""

    suffixes: ClassVar[tuple[str, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """The model's input without its batch."""
        ...

    @property
    def title(self) -> str:
        """What it is, in few words."""
        ...

    @property
    def quantization(self) -> tuple[float, int] | None:
        """Scale and zero point that a device's front end works with; None if there is none."""
        ...

    def array(self, source: Source) -> np.ndarray:
        """float32 (1, *shape), in the units in which the network was trained.

        Raises:
            InputError: `source` cannot be read or used.
        """
        ...


@dataclasses.dataclass(frozen=True)
class ImageInput:
    """A photo. The network sees pixel * scale + offset, pixels from 0 to 255.

    A photo of another shape is distorted to the model's ("stretch"), as nothing is lost so, or
    cut in the middle ("crop"), with bilinear filtering over all pixels that are left.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".bmp")

    height: int
    width: int
    channels: int
    scale: float
    offset: float = 0.0
    fit: Literal["crop", "stretch"] = "stretch"

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"expected 1 or 3 channels, got {self.channels}")
        if self.fit not in ("crop", "stretch"):
            raise ValueError(f"expected the fit crop or stretch, got '{self.fit}'")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    @property
    def title(self) -> str:
        return f"photo {shape_text(self.shape)}"

    @property
    def quantization(self) -> None:
        return None

    def array(self, source: Source) -> np.ndarray:
        """`source`: uint8 (height, width[, 3]) of any size, or the path of a picture."""
        from PIL import Image, ImageOps  # late: only those who feed photos wait for it

        picture = self._open(source).convert("L" if self.channels == 1 else "RGB")
        size = (self.width, self.height)
        if self.fit == "crop":
            picture = ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
        else:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(picture, np.float32).reshape(1, *self.shape)
        return pixels * np.float32(self.scale) + np.float32(self.offset)

    def _open(self, source: Source) -> Any:
        from PIL import Image, ImageOps

        if isinstance(source, np.ndarray):
            if (
                source.dtype != np.uint8
                or source.ndim not in (2, 3)
                or source.shape[2:] not in ((), (3,))
            ):
                raise InputError(
                    "expected the pixels of a photo, uint8 (height, width, 3), got "
                    f"{source.dtype} {list(source.shape)}"
                )
            return Image.fromarray(source)
        try:
            with Image.open(source) as picture:
                return ImageOps.exif_transpose(picture)  # as the camera was held
        except OSError as error:
            raise InputError(
                f"cannot read the photo '{source}': {error.strerror or error}"
            ) from None


@dataclasses.dataclass(frozen=True)
class ArrayInput:
    """Real numbers as the network was trained on, which somebody else has prepared."""

    suffixes: ClassVar[tuple[str, ...]] = (".npy",)

    dimensions: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimensions", tuple(self.dimensions))  # a list in JSON

    @property
    def shape(self) -> tuple[int, ...]:
        return self.dimensions

    @property
    def title(self) -> str:
        return f"array {shape_text(self.shape)}"

    @property
    def quantization(self) -> None:
        return None

    def array(self, source: Source) -> np.ndarray:
        """`source`: numbers of the model's input shape, or the path of a .npy file."""
        values = source if isinstance(source, np.ndarray) else read_array(Path(source))
        if values.shape != self.shape or values.dtype.kind not in "fiu":
            raise InputError(
                f"expected numbers {list(self.shape)}, got {values.dtype} {list(values.shape)}"
            )
        return values[np.newaxis].astype(np.float32)


@dataclasses.dataclass(frozen=True)
class LogMelInput:
    """A second or so of sound, as the log-mel features that the device computes, bit for bit.

    `config` holds the fields of `tflm_mcunet.audio.LogMelConfig`. Of a longer recording the
    loudest part is taken; one that is shorter has mirrored ends.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".wav", ".flac", ".ogg")

    config: dict[str, Any]
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self._front_end.config.frames(self._samples) < 1:
            raise ValueError(f"{self.seconds} s are shorter than a window")

    @functools.cached_property
    def _front_end(self) -> LogMel:
        return LogMel(LogMelConfig.from_json(self.config))

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._front_end.config.rate

    @property
    def _samples(self) -> int:
        return ClipFormat(self.rate, self.seconds).samples

    @property
    def shape(self) -> tuple[int, ...]:
        config = self._front_end.config
        return config.frames(self._samples), config.bins, 1

    @property
    def title(self) -> str:
        return f"sound {self.seconds:g} s"

    @property
    def quantization(self) -> tuple[float, int]:
        return self._front_end.config.scale, self._front_end.config.zero_point

    def array(self, source: Source) -> np.ndarray:
        """`source`: int16 (samples,) at the config's rate, or the path of a recording."""
        pcm = source if isinstance(source, np.ndarray) else self._recording(Path(source))
        if pcm.dtype != np.int16 or pcm.ndim != 1 or not pcm.size:
            raise InputError(
                f"expected 16-bit samples of one channel at {self.rate} Hz, int16 (samples,), got "
                f"{pcm.dtype} {list(pcm.shape)}"
            )
        features = self._front_end.features(fitted(pcm, self._samples))
        return self._front_end.config.real(features).reshape(1, *self.shape)

    def _recording(self, path: Path) -> np.ndarray:
        try:
            return read_recording(path.read_bytes(), rate=self.rate)
        except (OSError, ValueError, RuntimeError) as error:  # the latter two: soundfile's
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"cannot read the recording '{path}': {reason}") from None


@dataclasses.dataclass(frozen=True)
class LogSpectrumInput:
    """A block of a sensor's samples, as the log spectra that the device computes, bit for bit.

    `config` holds the fields of `tflm_mcunet.audio.LogSpectrumConfig`.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".npy",)

    config: dict[str, Any]

    def __post_init__(self) -> None:
        _ = self._front_end  # wrong fields are found now

    @functools.cached_property
    def _front_end(self) -> LogSpectrum:
        return LogSpectrum(LogSpectrumConfig.from_json(self.config))

    @property
    def shape(self) -> tuple[int, ...]:
        return self._front_end.config.axes, self._front_end.config.bands, 1

    @property
    def title(self) -> str:
        config = self._front_end.config
        return f"vibration {config.window / config.rate:g} s, {config.axes} axes"

    @property
    def quantization(self) -> tuple[float, int]:
        return self._front_end.config.scale, self._front_end.config.zero_point

    def array(self, source: Source) -> np.ndarray:
        """`source`: int16 (window, axes) at the config's rate, or the path of a .npy file."""
        block = source if isinstance(source, np.ndarray) else read_array(Path(source))
        features = self._front_end.features(block)
        return self._front_end.config.real(features).reshape(1, *self.shape)


KINDS: dict[str, type[Any]] = {
    "image": ImageInput,
    "log-mel": LogMelInput,
    "log-spectrum": LogSpectrumInput,
    "array": ArrayInput,
}


def make_input(content: dict[str, Any]) -> Input:
    """The input that `entry.json` describes.

    Raises:
        ZooError: it is of an unknown kind, or its fields are not those of its kind.
    """
    made: Input = build(content, KINDS, "input")
    return made
