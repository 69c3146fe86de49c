# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo export`"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from tflm_mcunet import boards, zoo
from tflm_mcunet.arduino import ArduinoLibrary, export_arduino
from tflm_mcunet.commands.export import arduino_text, library_file
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Progress
from tflm_mcunet.files import staged


def execute(options: argparse.Namespace) -> int:
    """Writes a model as an Arduino library into a .zip file."""
    model = zoo.load(options.name)
    out = library_file(options.out or Path(f"{_camel_case(model.name)}.zip"))
    with staged(out.parent) as stage, progress_bar(options) as progress:
        made = _library(model, out.stem, options.board, progress)
        (stage / out.name).write_bytes(made.zip())
    show(options, made.to_json(), arduino_text(made, out))
    return 0


def _library(model: zoo.ZooModel, name: str, board: str, progress: Progress) -> ArduinoLibrary:
    with tempfile.TemporaryDirectory() as folder:
        return export_arduino(
            model.path,
            library=name,
            board=board,
            name=model.name,
            progress=progress,
            **_described(model, board, Path(folder)),
            **model.entry.conversion,
        )


def _described(model: zoo.ZooModel, board: str, folder: Path) -> dict[str, Any]:
    """The options of `export_arduino` that follow from the entry; files for them go to `folder`."""
    options: dict[str, Any] = {}
    if model.has_output_per_label:
        options["labels"] = folder / "labels.txt"
        options["labels"].write_text("\n".join(model.labels) + "\n", encoding="utf-8")
    if model.entry.input["kind"] == "log-mel" and "microphone" in boards.get(board).sensors:
        options["front_end"] = folder / "front_end.json"
        options["front_end"].write_text(json.dumps(model.entry.input["config"]), encoding="utf-8")
    return options


def _camel_case(name: str) -> str:
    """Names of Arduino libraries: VwwXs."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
