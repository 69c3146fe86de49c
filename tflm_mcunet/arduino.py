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
from tflm_mcunet import boards, runtime_sources, sensors
from tflm_mcunet.boards import Board
from tflm_mcunet.exporting import Export, Files, export_c
from tflm_mcunet.sensors import Sensor

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
                    "(--max-macs), choose a smaller network or input, or leave the sensor to a "
                    "sketch of your own (--sensor none)."
                    if self.memory == "SRAM"
                    else "Choose a network with fewer weights."
                )
            )


@dataclasses.dataclass(frozen=True)
class ArduinoLibrary:
    """A model as an Arduino library for a board; `sensor`, if any, feeds it in a sketch."""

    name: str
    board: Board
    export: Export
    sensor: Sensor | None = None

    @property
    def sram(self) -> Share:
        assert self.board.arduino is not None
        parts = {
            "the board's software": self.board.arduino.sram_bytes,
            "activations": self.export.arena_bytes,
        }
        if self.export.row_bytes:
            parts["a row of the input"] = self.export.row_bytes
        if self.sensor is not None:
            parts |= self.sensor.sram
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
        if self.sensor is not None:
            parts[f"code for the {self.sensor.name}"] = self.sensor.flash_bytes
        return Share("flash", self.board.flash_bytes, parts)

    @property
    def files(self) -> Files:
        """Paths inside the library's folder, and contents."""
        sources = self.export.files | self._sensor_sources()
        return (
            {f"src/{name}": content for name, content in sources.items()}
            | {f"examples/{name}/{name}.ino": code for name, code in self.sketches.items()}
            | {
                "library.properties": self._fill("library.properties").encode(),
                "keywords.txt": self._keywords(),
                "README.md": self._fill("README.md").encode(),
            }
        )

    @property
    def sketches(self) -> Files:
        """Sketches by name; the last one is the one that users want."""
        made = {"SelfTest": self._sketch(None)}
        if self.sensor is not None:
            made[self.sensor.sketch] = self._sketch(self.sensor)
        return {name: text.encode() for name, text in made.items()}

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
            "sensor": None if self.sensor is None else self.sensor.name,
            "sram": self.sram.parts | {"total": self.sram.total, "available": self.sram.available},
            "flash": self.flash.parts
            | {"total": self.flash.total, "available": self.flash.available},
            "files": sorted(self.files),
        }

    def _sensor_sources(self) -> Files:
        if self.sensor is None:
            return {}
        needed = runtime_sources.needed(self.sensor.functions)
        return self.sensor.files | {path.name: path.read_bytes() for path in needed}

    def _sketch(self, sensor: Sensor | None) -> str:
        """A sketch that checks the model and then runs it on what the sensor yields."""
        if sensor is None:
            return self._fill(
                "sketch.ino",
                purpose="Checks the model on a stored input, then runs it on that again and "
                "again, and prints what it\n// computes.",
                includes="",
                sensor=self._fill("self_test.ino"),
            )
        fed = "feed_rows.ino" if self.export.row_bytes else "feed_whole.ino"
        parts = [self._fill(f"{sensor.name}.ino", **sensor.values), self._fill(fed)]
        return self._fill(
            "sketch.ino",
            purpose=f"Checks the model on a stored input, then runs it on what {sensor.title} "
            "yields.",
            includes="".join(f"#include <{header}>\n" for header in sensor.includes),
            sensor=self._fill("rows.ino") + "\n".join(parts),
        )

    def _fill(self, template: str, **values: object) -> str:
        model = self.export.model
        output = "output" if len(model.outputs) == 1 else "output_0"
        text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
        known = {
            "library": self.name,
            "name": model.name,
            "NAME": model.name.upper(),
            "output": output,
            "OUTPUT": output.upper(),
            "title": model.title,
            "board": self.board.title,
            "arena_bytes": self.export.arena_bytes,
            "row_bytes": self.export.row_bytes,
            "table_bytes": model.table_bytes,
            "golden_bytes": self.export.golden_bytes,
            "depends": f"depends={self.sensor.library}\n"
            if self.sensor and self.sensor.library
            else "",
        }
        return Template(text).substitute(known | values)

    def _keywords(self) -> bytes:
        """The model's functions, for the editor."""
        name = re.escape(self.export.model.name)
        header = self.export.files[f"{self.export.model.name}.h"].decode()
        functions = re.findall(rf"\b({name}_\w+)\(", header)
        return "".join(f"{function}\tKEYWORD2\n" for function in functions).encode()


def export_arduino(
    model: str | Path,
    *,
    library: str,
    board: str | Board,
    sensor: str | None = None,
    front_end: str | Path | None = None,
    **options: Any,
) -> ArduinoLibrary:
    """Makes an Arduino library of a model.

    Args:
        model: path of a `.tflite` file, converted or not.
        library: the library's name, which becomes that of its folder.
        board: name of a board, or one of your own, with the share of its Arduino core.
        sensor: what a second sketch reads, one of `boards.SENSORS` or "none"; by default what the
            model's input tells, and no second sketch where it tells nothing.
        front_end: JSON file of a microphone's `LogMelConfig`.
        options: as for `export_c`.

    Raises:
        BudgetError: a sketch with the model and the sensor would not fit the board.
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
    chosen = sensors.choose(sensor, model=export.model, board=target, front_end=front_end)
    made = ArduinoLibrary(_folder_name(library), target, export, chosen)
    for share in (made.sram, made.flash):
        share.check(export.model.title, target)
    return made


def _folder_name(text: str) -> str:
    """The characters that Arduino allows, not beginning with what is no letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("_.-")[:63] or "Model"
