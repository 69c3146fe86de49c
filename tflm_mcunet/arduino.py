# SPDX-License-Identifier: Apache-2.0
"""From a model file to an Arduino library that runs it, with or without an interpreter."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from tflm_converters.emit.c_interface import Interface
from tflm_mcunet import boards, sensors
from tflm_mcunet.arduino_library import ArduinoModel, Library, core_of, folder_name
from tflm_mcunet.arduino_tflm import export_tflm
from tflm_mcunet.boards import Board
from tflm_mcunet.exporting import Export, Files, export_c

RUNTIME_CODE_BYTES = 32 * 1024
"""More than the runtime's code takes on a Cortex-M4 at -O2 with all of its kernels."""

_GOLDEN = 1  # stored inputs: each takes as much flash as the model's input is large


@dataclasses.dataclass(frozen=True)
class InC(ArduinoModel):
    """A model as C, without an interpreter."""

    export: Export

    @property
    def interface(self) -> Interface:
        return self.export.interface

    @property
    def sram(self) -> dict[str, int]:
        return {"activations": self.export.arena_bytes}

    @property
    def flash(self) -> dict[str, int]:
        return {
            "weights and tables": self.export.model.table_bytes,
            "code": RUNTIME_CODE_BYTES,
            "stored input": self.export.golden_bytes,
        }

    @property
    def sources(self) -> Files:
        return self.export.files

    @property
    def need(self) -> str:
        need = f"It needs {self.export.arena_bytes} bytes of SRAM for its activations"
        return f"{need} and no interpreter."


def export_arduino(
    model: str | Path,
    *,
    library: str,
    board: str | Board,
    runtime: Literal["c", "tflm"] = "c",
    sensor: str | None = None,
    front_end: str | Path | None = None,
    detector: str | Path | None = None,
    anomaly: str | Path | None = None,
    **options: Any,
) -> Library:
    """Makes an Arduino library of a model.

    Args:
        model: path of a `.tflite` file, converted or not.
        library: the library's name, which becomes that of its folder.
        board: name of a board, or one of your own, with the share of its Arduino core.
        runtime: "c", no interpreter, or "tflm", the TensorFlow Lite Micro that users installed.
        sensor: what a second sketch reads, one of `boards.SENSORS` or "none"; by default what the
            model's input tells, and no second sketch where it tells nothing.
        front_end: JSON file of a microphone's `LogMelConfig`, or of an inertial sensor's
            `LogSpectrumConfig`.
        detector: JSON file of the `Listening` by which a microphone's sketch says what it hears.
        anomaly: JSON file of an `AnomalyConfig`, with a `LogSpectrumConfig`.
        options: as for `export_c` or `export_tflm`.

    Raises:
        BudgetError: a sketch with the model and the sensor would not fit the board.
        ConversionError: as `export_c` and `export_tflm` do.

    Example:
        >>> made = export_arduino("model.tflite", library="VwwModel", board="nano33ble")
        >>> Path("VwwModel.zip").write_bytes(made.zip())
    """
    target = boards.get(board)
    deployed = _RUNTIMES[runtime](model, **within_core(options, target))
    chosen = sensors.choose(
        sensor,
        model=deployed.interface,
        board=target,
        front_end=front_end,
        detector=detector,
        anomaly=anomaly,
    )
    made = Library(folder_name(library), target, deployed, chosen)
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


def _in_c(model: str | Path, **options: Any) -> InC:
    return InC(export_c(model, samples=_GOLDEN, **options))


_RUNTIMES: dict[str, Callable[..., ArduinoModel]] = {"c": _in_c, "tflm": export_tflm}
