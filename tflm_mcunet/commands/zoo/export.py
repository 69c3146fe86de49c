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
        made = _library(model, out.stem, options, progress)
        (stage / out.name).write_bytes(made.zip())
    show(options, made.to_json(), arduino_text(made, out))
    return 0


def _library(
    model: zoo.ZooModel, name: str, options: argparse.Namespace, progress: Progress
) -> ArduinoLibrary:
    with tempfile.TemporaryDirectory() as folder:
        described = _described(model, Path(folder))
        if options.sensor is None and "microphone" in boards.get(options.board).sensors:
            described |= _microphone(model, Path(folder))
        return export_arduino(
            model.path,
            library=name,
            board=options.board,
            name=model.name,
            sensor=options.sensor,
            progress=progress,
            **described,
            **model.entry.conversion,
        )


def _described(model: zoo.ZooModel, folder: Path) -> dict[str, Any]:
    """The options of `export_arduino` that follow from the entry; files for them go to `folder`."""
    if not model.has_output_per_label:
        return {}
    labels = folder / "labels.txt"
    labels.write_text("\n".join(model.labels) + "\n", encoding="utf-8")
    return {"labels": labels}


def _microphone(model: zoo.ZooModel, folder: Path) -> dict[str, Path]:
    """Those of a sketch that hears, if the model does."""
    entry = model.entry
    if entry.input["kind"] != "log-mel":
        return {}
    contents = {"front_end": entry.input["config"], "detector": entry.output.get("listening")}
    files = {option: folder / f"{option}.json" for option, content in contents.items() if content}
    for option, path in files.items():
        path.write_text(json.dumps(contents[option]), encoding="utf-8")
    return dict(files)


def _camel_case(name: str) -> str:
    """Names of Arduino libraries: VwwXs."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
