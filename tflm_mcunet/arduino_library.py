# SPDX-License-Identifier: Apache-2.0
"""A model as an Arduino library: what all kinds of them have in common."""

from __future__ import annotations

import abc
import dataclasses
import io
import re
import zipfile
from typing import Any

from tflm_converters.emit.c_interface import Interface
from tflm_converters.errors import BudgetError
from tflm_mcunet import boards, runtime_sources
from tflm_mcunet.arduino_sketches import Sketches, fill
from tflm_mcunet.boards import ArduinoCore, Board
from tflm_mcunet.exporting import Files
from tflm_mcunet.sensors import Sensor

_EPOCH = (1980, 1, 1, 0, 0, 0)  # of the .zip format: the same model gives the same file
_WAYS_OUT = {
    "SRAM": "Ways out: feed the input row by row (--row-fed), allow more MACs (--max-macs), choose "
    "a smaller network or input, or leave the sensor to a sketch of your own (--sensor none).",
    "flash": "Choose a network with fewer weights.",
}


@dataclasses.dataclass(frozen=True)
class Share:
    """What of a board's memory a sketch with the model takes, and whose it is.

    `memory` is "SRAM" or "flash"; `parts` are bytes.
    """

    memory: str
    available: int
    parts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    def check(self, name: str, board: Board) -> None:
        """Raises BudgetError with all numbers if it is more than there is."""
        if self.total > self.available:
            parts = ", ".join(f"{part} {size:,}" for part, size in self.parts.items())
            raise BudgetError(
                f"{name} does not fit {board.title}: it needs {self.total:,} bytes of "
                f"{self.memory} ({parts}), and there are {self.available:,}. "
                f"{_WAYS_OUT[self.memory]}"
            )

    def table(self) -> str:
        """Rows of a table in Markdown."""
        return "\n".join(f"| {part} | {size:,} |" for part, size in self.parts.items())

    def to_json(self) -> dict[str, int]:
        return self.parts | {"total": self.total, "available": self.available}


class ArduinoModel(abc.ABC):
    """A model and what runs it, as sources for Arduino."""

    @property
    @abc.abstractmethod
    def interface(self) -> Interface:
        """The functions that run it."""

    @property
    @abc.abstractmethod
    def sram(self) -> dict[str, int]:
        """What model and runtime take of the SRAM, in bytes."""

    @property
    @abc.abstractmethod
    def flash(self) -> dict[str, int]:
        """What model, stored input and runtime take of the flash, in bytes."""

    @property
    @abc.abstractmethod
    def sources(self) -> Files:
        """Model, stored input and runtime."""

    @property
    @abc.abstractmethod
    def need(self) -> str:
        """What a board and its user have to have for it, in a sentence."""

    @property
    def includes(self) -> str:
        """Lines that the runtime needs in each sketch."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """What `Library.to_json` says of it."""
        return {"name": self.interface.name, "row_fed": self.interface.row_fed}


@dataclasses.dataclass(frozen=True)
class Library:
    """A library, named as its folder, for a board whose core's share is known.

    `sensor`, if any, feeds the model in a sketch.
    """

    name: str
    board: Board
    model: ArduinoModel
    sensor: Sensor | None = None

    @property
    def memory(self) -> tuple[Share, Share]:
        """Shares of SRAM and of flash."""
        core, sensor = core_of(self.board), self.sensor
        sram = {"the board's software": core.sram_bytes} | self.model.sram
        flash = {"the board's software": core.flash_bytes} | self.model.flash
        if self.model.interface.row_fed:
            sram["a row of the input"] = self.model.interface.row_bytes
        if sensor is not None:
            sram |= sensor.sram
            flash[f"code for the {sensor.name}"] = sensor.flash_bytes
        return (
            Share("SRAM", self.board.sram_bytes, sram),
            Share("flash", self.board.flash_bytes, flash),
        )

    @property
    def sources(self) -> Files:
        """Paths inside the folder `src`, and contents."""
        if self.sensor is None:
            return self.model.sources
        needed = runtime_sources.needed(self.sensor.functions)
        runtime = {path.name: path.read_bytes() for path in needed}
        return self.model.sources | self.sensor.files | runtime

    @property
    def sketches(self) -> Files:
        """Sketches by name; the last one is the one that users want."""
        made = {"SelfTest": self._sketches.self_test()}
        if self.sensor is not None:
            made[self.sensor.sketch] = self._sketches.reading(self.sensor)
        return {name: text.encode() for name, text in made.items()}

    @property
    def descriptions(self) -> Files:
        """The files that say what the library is."""
        texts = {
            "library.properties": self._properties(),
            "keywords.txt": self._keywords(),
            "README.md": self._readme(),
        }
        return {name: text.encode() for name, text in texts.items()}

    @property
    def files(self) -> Files:
        """Paths inside the library's folder, and contents."""
        return (
            {f"src/{name}": content for name, content in self.sources.items()}
            | {f"examples/{name}/{name}.ino": code for name, code in self.sketches.items()}
            | self.descriptions
        )

    def check(self) -> None:
        """Raises BudgetError if a sketch with the model does not fit the board."""
        for share in self.memory:
            share.check(self.model.interface.title, self.board)

    def zip(self) -> bytes:
        """The library as the Arduino IDE takes it: Sketch > Include Library > Add .ZIP Library."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, content in sorted(self.files.items()):
                entry = zipfile.ZipInfo(f"{self.name}/{path}", _EPOCH)
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet export arduino --json` prints."""
        sram, flash = self.memory
        return {
            "library": self.name,
            "board": self.board.name,
            "sensor": None if self.sensor is None else self.sensor.name,
            "sram": sram.to_json(),
            "flash": flash.to_json(),
            "files": sorted(self.files),
        } | self.model.to_json()

    @property
    def _sketches(self) -> Sketches:
        return Sketches(self.name, self.board, self.model.interface, self.model.includes)

    def _properties(self) -> str:
        reads = self.sensor.library if self.sensor is not None else ""
        return fill(
            "library.properties",
            library=self.name,
            title=self.model.interface.title,
            need=self.model.need,
            header=f"{self.model.interface.name}.h",
        ) + (f"depends={reads}\n" if reads else "")

    def _readme(self) -> str:
        sram, flash = (share.table() for share in self.memory)
        reading = f", {self.sensor.sketch} runs it on a sensor" if self.sensor is not None else ""
        return self._sketches.fill(
            "README.md", need=self.model.need, reading=reading, sram=sram, flash=flash
        )

    def _keywords(self) -> str:
        """The model's functions, for the editor."""
        name = re.escape(self.model.interface.name)
        header = self.model.sources[f"{self.model.interface.name}.h"].decode()
        functions = re.findall(rf"\b({name}_\w+)\(", header)
        return "".join(f"{function}\tKEYWORD2\n" for function in functions)


def core_of(board: Board) -> ArduinoCore:
    """What the board's Arduino core takes.

    Raises:
        BudgetError: it is not known.
    """
    if board.arduino is None:
        known = ", ".join(name for name in boards.names() if boards.get(name).arduino)
        raise BudgetError(
            f"how much of {board.title} its Arduino core takes is not known; the boards "
            f"where it is are {known}"
        )
    return board.arduino


def folder_name(text: str) -> str:
    """The characters that Arduino allows, not beginning with what is no letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("_.-")[:63] or "Model"
