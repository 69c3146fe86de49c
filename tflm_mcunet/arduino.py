# SPDX-License-Identifier: Apache-2.0
"""From a model file to an Arduino library that holds it, as a .zip file."""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from pathlib import Path
from string import Template
from typing import Any

from tflm_converters.errors import BudgetError
from tflm_mcunet import boards
from tflm_mcunet.boards import Board
from tflm_mcunet.exporting import Export, Files, export_c

RUNTIME_CODE_BYTES = 32 * 1024
"""More than the runtime's code takes on a Cortex-M4 at -O2 with all of its kernels."""

_TEMPLATES = Path(__file__).parent / "arduino_templates"
_GOLDEN = 1  # stored inputs: each takes as much flash as the model's input is large
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of the .zip format: the same model gives the same file


@dataclasses.dataclass(frozen=True)
class Share:
    """What of a board's memory a sketch with the model takes, and whose it is."""

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
                + (
                    "Ways out: feed the input row by row (--row-fed), allow more MACs "
                    "(--max-macs), or choose a smaller network or input."
                    if self.memory == "SRAM"
                    else "Choose a network with fewer weights."
                )
            )


@dataclasses.dataclass(frozen=True)
class ArduinoLibrary:
    """A model as an Arduino library for a board."""

    name: str
    board: Board
    export: Export

    @property
    def sram(self) -> Share:
        assert self.board.arduino is not None
        parts = {
            "the board's software": self.board.arduino.sram_bytes,
            "activations": self.export.arena_bytes,
        }
        if self.export.row_bytes:
            parts["a row of the input"] = self.export.row_bytes
        return Share("SRAM", self.board.sram_bytes, parts)

    @property
    def flash(self) -> Share:
        assert self.board.arduino is not None
        parts = {
            "the board's software": self.board.arduino.flash_bytes,
            "weights and tables": self.export.model.table_bytes,
            "code": RUNTIME_CODE_BYTES,
            "stored input": self.export.golden_bytes,
        }
        return Share("flash", self.board.flash_bytes, parts)

    @property
    def files(self) -> Files:
        """Paths inside the library's folder, and contents."""
        sources = {f"src/{name}": content for name, content in self.export.files.items()}
        return sources | {
            "library.properties": self._fill("library.properties"),
            "keywords.txt": self._keywords(),
            "README.md": self._fill("README.md"),
            "examples/SelfTest/SelfTest.ino": self._fill("SelfTest.ino"),
        }

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
        return {
            "library": self.name,
            "name": self.export.model.name,
            "board": self.board.name,
            "row_fed": self.export.row_bytes > 0,
            "sram": self.sram.parts | {"total": self.sram.total, "available": self.sram.available},
            "flash": self.flash.parts
            | {"total": self.flash.total, "available": self.flash.available},
            "files": sorted(self.files),
        }

    def _fill(self, template: str) -> bytes:
        model = self.export.model
        output = "output" if len(model.outputs) == 1 else "output_0"
        text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
        filled = Template(text).substitute(
            library=self.name,
            name=model.name,
            NAME=model.name.upper(),
            output=output,
            OUTPUT=output.upper(),
            title=model.title,
            board=self.board.title,
            arena_bytes=self.export.arena_bytes,
            row_bytes=self.export.row_bytes,
            table_bytes=model.table_bytes,
            golden_bytes=self.export.golden_bytes,
        )
        return filled.encode()

    def _keywords(self) -> bytes:
        """The model's functions, for the editor."""
        name = re.escape(self.export.model.name)
        header = self.export.files[f"{self.export.model.name}.h"].decode()
        functions = re.findall(rf"\b({name}_\w+)\(", header)
        return "".join(f"{function}\tKEYWORD2\n" for function in functions).encode()


def export_arduino(
    model: str | Path, *, library: str, board: str | Board, **options: Any
) -> ArduinoLibrary:
    """Makes an Arduino library of a model.

    Args:
        model: path of a `.tflite` file, converted or not.
        library: the library's name, which becomes that of its folder.
        board: name of a board, or one of your own, with the share of its Arduino core.
        options: as for `export_c`.

    Raises:
        BudgetError: a sketch with the model would not fit the board.
        ConversionError: as `export_c` does.

    Example:
        >>> made = export_arduino("model.tflite", library="VwwModel", board="nano33ble")
        >>> Path("VwwModel.zip").write_bytes(made.zip())
    """
    target = boards.get(board)
    if target.arduino is None:
        known = ", ".join(name for name in boards.names() if boards.get(name).arduino)
        raise BudgetError(
            f"how much of {target.title} its Arduino core takes is not known; the boards "
            f"where it is are {known}"
        )
    if options.get("objective") == "macs" and options.get("sram") is None:
        options["sram"] = target.sram_bytes - target.arduino.sram_bytes
    export = export_c(model, samples=_GOLDEN, **options)
    made = ArduinoLibrary(_folder_name(library), target, export)
    for share in (made.sram, made.flash):
        share.check(export.model.title, target)
    return made


def _folder_name(text: str) -> str:
    """The characters that Arduino allows, not beginning with what is no letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("_.-")[:63] or "Model"
