# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo export`"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Literal

from tflm_mcunet import boards, zoo
from tflm_mcunet.arduino import export_arduino
from tflm_mcunet.arduino_library import Library
from tflm_mcunet.commands.export import arduino_text, library_file
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Progress
from tflm_mcunet.files import staged

_SENSORS = {"log-mel": "microphone", "log-spectrum": "imu"}
"""What yields the inputs of a kind."""


def execute(options: argparse.Namespace) -> int:
    """Writes a model as an Arduino library into a .zip file."""
    model = zoo.load(options.name)
    out = library_file(options.out or Path(f"{_camel_case(model.name)}.zip"))
    with staged(out.parent) as stage, progress_bar(options) as progress:
        made = library(
            model,
            out.stem,
            options.board,
            runtime=options.runtime,
            sensor=options.sensor,
            progress=progress,
        )
        (stage / out.name).write_bytes(made.zip())
    show(options, made.to_json(), arduino_text(made, out))
    return 0


def library(
    model: zoo.ZooModel,
    name: str,
    board: str,
    *,
    runtime: Literal["c", "tflm"] = "c",
    sensor: str | None = None,
    progress: Progress = lambda what, share: None,
) -> Library:
    """The Arduino library `name` of a model, with the sensor and front end that its entry says."""
    with tempfile.TemporaryDirectory() as folder:
        described = _described(model, Path(folder))
        if sensor is None and _SENSORS.get(model.entry.input["kind"]) in boards.get(board).sensors:
            described |= _front_end(model, Path(folder))
        return export_arduino(
            model.path,
            library=name,
            board=board,
            runtime=runtime,
            name=model.name,
            sensor=sensor,
            progress=progress,
            **described,
            **model.entry.conversion,
        )


def _described(model: zoo.ZooModel, folder: Path) -> dict[str, Any]:
    """The options of `export_arduino` that follow from the entry; files for them go to `folder`."""
    options: dict[str, Any] = {}
    if model.has_output_per_label:
        options["labels"] = folder / "labels.txt"
        options["labels"].write_text("\n".join(model.labels) + "\n", encoding="utf-8")
    return options


def _front_end(model: zoo.ZooModel, folder: Path) -> dict[str, Path]:
    """Those of how a sketch makes inputs of what its sensor yields, and judges outputs."""
    entry = model.entry
    contents = {
        "front_end": entry.input["config"],
        "detector": entry.output.get("listening"),
        "anomaly": model.anomaly and model.anomaly.to_json(),
    }
    files = {option: folder / f"{option}.json" for option, content in contents.items() if content}
    for option, path in files.items():
        path.write_text(json.dumps(contents[option]), encoding="utf-8")
    return dict(files)


def _camel_case(name: str) -> str:
    """Names of Arduino libraries: VwwXs."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
