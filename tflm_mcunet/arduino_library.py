# SPDX-License-Identifier: Apache-2.0
"""A model as an Arduino library: what all kinds of them have in common."""

from __future__ import annotations

import abc
import dataclasses
import io
import re
import zipfile
from pathlib import Path
from string import Template
from typing import Any

from tflm_converters.errors import BudgetError
from tflm_mcunet import boards
from tflm_mcunet.boards import ArduinoCore, Board
from tflm_mcunet.exporting import Files

_TEMPLATES = Path(__file__).parent / "arduino_templates"
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


@dataclasses.dataclass(frozen=True)
class Library(abc.ABC):
    """A library, named as its folder, for a board whose core's share is known."""

    name: str
    board: Board

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """The model's file."""

    @property
    @abc.abstractmethod
    def memory(self) -> tuple[Share, Share]:
        """Shares of SRAM and of flash."""

    @property
    @abc.abstractmethod
    def sketches(self) -> Files:
        """Sketches by name; the last one is the one that users want."""

    @property
    @abc.abstractmethod
    def sources(self) -> Files:
        """Paths inside the folder `src`, and contents."""

    @property
    @abc.abstractmethod
    def descriptions(self) -> Files:
        """The files that say what the library is."""

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
            share.check(self.title, self.board)

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
            "sram": sram.to_json(),
            "flash": flash.to_json(),
            "files": sorted(self.files),
        }


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


def fill(template: str, **values: object) -> str:
    """A template of the folder `arduino_templates` with values in it."""
    text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def folder_name(text: str) -> str:
    """The characters that Arduino allows, not beginning with what is no letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("_.-")[:63] or "Model"
