# SPDX-License-Identifier: Apache-2.0
"""From a model file to an Arduino library that runs it without an interpreter."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from tflm_mcunet import boards, runtime_sources, sensors
from tflm_mcunet.arduino_library import Library, Share, core_of, fill, folder_name
from tflm_mcunet.boards import Board
from tflm_mcunet.exporting import Export, Files, export_c
from tflm_mcunet.sensors import Sensor

RUNTIME_CODE_BYTES = 32 * 1024
"""More than the runtime's code takes on a Cortex-M4 at -O2 with all of its kernels."""

_GOLDEN = 1  # stored inputs: each takes as much flash as the model's input is large


@dataclasses.dataclass(frozen=True)
class ArduinoLibrary(Library):
    """A model as C; `sensor`, if any, feeds it in a sketch."""

    export: Export
    sensor: Sensor | None = None

    @property
    def title(self) -> str:
        return self.export.model.title

    @property
    def memory(self) -> tuple[Share, Share]:
        core = core_of(self.board)
        sram = {
            "the board's software": core.sram_bytes,
            "activations": self.export.arena_bytes,
        }
        if self.export.row_bytes:
            sram["a row of the input"] = self.export.row_bytes
        flash = {
            "the board's software": core.flash_bytes,
            "weights and tables": self.export.model.table_bytes,
            "code": RUNTIME_CODE_BYTES,
            "stored input": self.export.golden_bytes,
        }
        if self.sensor is not None:
            sram |= self.sensor.sram
            flash[f"code for the {self.sensor.name}"] = self.sensor.flash_bytes
        return (
            Share("SRAM", self.board.sram_bytes, sram),
            Share("flash", self.board.flash_bytes, flash),
        )

    @property
    def sources(self) -> Files:
        if self.sensor is None:
            return self.export.files
        needed = runtime_sources.needed(self.sensor.functions)
        runtime = {path.name: path.read_bytes() for path in needed}
        return self.export.files | self.sensor.files | runtime

    @property
    def sketches(self) -> Files:
        made = {"SelfTest": self._self_test()}
        if self.sensor is not None:
            made[self.sensor.sketch] = self._sensor_sketch(self.sensor)
        return {name: text.encode() for name, text in made.items()}

    @property
    def descriptions(self) -> Files:
        return {
            "library.properties": self._properties().encode(),
            "keywords.txt": self._keywords().encode(),
            "README.md": self._readme().encode(),
        }

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {
            "name": self.export.model.name,
            "row_fed": self.export.row_bytes > 0,
            "sensor": None if self.sensor is None else self.sensor.name,
        }

    def _self_test(self) -> str:
        return self._fill(
            "sketch.ino",
            purpose="Checks the model on a stored input, then runs it on that again and again, "
            "and prints what it\n// computes.",
            includes="",
            input=self._fill("self_test.ino"),
            report=self._fill("report_outputs.ino"),
        )

    def _sensor_sketch(self, sensor: Sensor) -> str:
        fed = "feed_rows.ino" if self.export.row_bytes else "feed_whole.ino"
        reading = self._fill(f"{sensor.name}.ino", **sensor.values)
        return self._fill(
            "sketch.ino",
            purpose=f"Checks the model on a stored input, then runs it on what {sensor.title} "
            "yields.",
            includes="".join(f"#include <{header}>\n" for header in sensor.includes),
            input="\n".join([self._fill("rows.ino"), reading, self._fill(fed)]),
            report=self._fill(sensor.report),
        )

    def _properties(self) -> str:
        library = self.sensor.library if self.sensor is not None else ""
        need = f"Needs {self.export.arena_bytes} bytes of SRAM for its activations"
        return fill(
            "library.properties",
            library=self.name,
            title=self.title,
            need=f"{need} and no interpreter.",
            header=f"{self.export.model.name}.h",
        ) + (f"depends={library}\n" if library else "")

    def _readme(self) -> str:
        sram, flash = (share.table() for share in self.memory)
        reading = f", {self.sensor.sketch} runs it on a sensor" if self.sensor is not None else ""
        return self._fill("README.md", reading=reading, sram=sram, flash=flash)

    def _keywords(self) -> str:
        """The model's functions, for the editor."""
        name = re.escape(self.export.model.name)
        header = self.export.files[f"{self.export.model.name}.h"].decode()
        functions = re.findall(rf"\b({name}_\w+)\(", header)
        return "".join(f"{function}\tKEYWORD2\n" for function in functions)

    def _fill(self, template: str, **values: object) -> str:
        model = self.export.model
        output = "output" if len(model.outputs) == 1 else "output_0"
        return fill(
            template,
            library=self.name,
            name=model.name,
            NAME=model.name.upper(),
            output=output,
            OUTPUT=output.upper(),
            title=self.title,
            board=self.board.title,
            **values,
        )


def export_arduino(
    model: str | Path,
    *,
    library: str,
    board: str | Board,
    sensor: str | None = None,
    front_end: str | Path | None = None,
    detector: str | Path | None = None,
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
        detector: JSON file of the `Listening` by which that sketch says what it hears.
        options: as for `export_c`.

    Raises:
        BudgetError: a sketch with the model and the sensor would not fit the board.
        ConversionError: as `export_c` does.

    Example:
        >>> made = export_arduino("model.tflite", library="VwwModel", board="nano33ble")
        >>> Path("VwwModel.zip").write_bytes(made.zip())
    """
    target = boards.get(board)
    options = within_core(options, target)
    export = export_c(model, samples=_GOLDEN, **options)
    chosen = sensors.choose(
        sensor, model=export.model, board=target, front_end=front_end, detector=detector
    )
    made = ArduinoLibrary(folder_name(library), target, export, chosen)
    made.check()
    return made


def within_core(options: dict[str, Any], board: Board) -> dict[str, Any]:
    """Options of `convert` whose budget is what the board's Arduino core leaves.

    Raises:
        BudgetError: that is not known.
    """
    left = board.sram_bytes - core_of(board).sram_bytes
    needs_budget = options.get("objective") == "macs" and options.get("sram") is None
    return options | ({"sram": left} if needs_budget else {})
