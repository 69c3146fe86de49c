# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet export`"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tflm_converters.errors import ConversionError
from tflm_mcunet.arduino import export_arduino
from tflm_mcunet.arduino_library import Library, Share
from tflm_mcunet.commands.convert import schedule_options
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Progress
from tflm_mcunet.exporting import Export, export_c
from tflm_mcunet.files import staged

_READING = ("sensor", "front_end", "detector", "anomaly")
"""Options of sketches that read a sensor."""


def execute(options: argparse.Namespace) -> int:
    """Writes a model as C sources into a folder, or as an Arduino library into a .zip file."""
    return _arduino(options) if options.target == "arduino" else _c(options)


def _c(options: argparse.Namespace) -> int:
    out: Path = options.out or Path("build")
    if options.runtime != "c":
        raise ConversionError("--runtime tflm is for export arduino: C needs no interpreter")
    _refuse_reading(options)
    with staged(out) as stage, progress_bar(options) as progress:
        export = export_c(options.model, **_export_options(options, progress))
        for name, content in (export.files | export.self_test).items():
            (stage / name).write_bytes(content)
    show(options, export.to_json(), _c_text(export, out))
    return 0


def _arduino(options: argparse.Namespace) -> int:
    if options.board is None:
        raise ConversionError("export arduino needs --board, to check that the model fits it")
    out = library_file(options.out or Path("build/Model.zip"))
    with staged(out.parent) as stage, progress_bar(options) as progress:
        made = _library(options, out.stem, progress)
        (stage / out.name).write_bytes(made.zip())
    show(options, made.to_json(), arduino_text(made, out))
    return 0


def _library(options: argparse.Namespace, name: str, progress: Progress) -> Library:
    reading = {key: getattr(options, key) for key in _READING}
    chosen = _export_options(options, progress) | reading
    return export_arduino(options.model, library=name, runtime=options.runtime, **chosen)


def _refuse_reading(options: argparse.Namespace) -> None:
    for name in _READING:
        if getattr(options, name) is not None:
            raise ConversionError(f"--{name.replace('_', '-')} works with export arduino only")


def library_file(out: Path) -> Path:
    """The file of an Arduino library; raises ConversionError if it is no .zip file."""
    if out.suffix != ".zip":
        raise ConversionError(f"--out: expected a .zip file, such as VwwModel.zip, got '{out}'")
    return out


def _export_options(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    chosen = {"name": options.name, "labels": options.labels, "progress": progress}
    return chosen | schedule_options(options)


def _c_text(export: Export, out: Path) -> str:
    name = export.interface.name
    return (
        f"{export.arena_bytes:,} B of SRAM, {export.model.table_bytes:,} B of flash and the code\n"
        f"Written to '{out}': {name}.h, {name}.c, the runtime that they need, and "
        f"{name}_selftest.c, which says how to compile it"
    )


def arduino_text(made: Library, out: Path) -> str:
    """What the library takes of its board, and how to install it."""
    shares = "\n".join(map(_share_text, made.memory))
    return (
        f"{shares}\n"
        f"Written: '{out}'. In the Arduino IDE: Sketch > Include Library > Add .ZIP Library, then "
        f"File > Examples > {made.name} > {' or '.join(made.sketches)}"
    )


def _share_text(share: Share) -> str:
    parts = ", ".join(f"{part} {size:,}" for part, size in share.parts.items())
    return f"{share.memory}: {share.total:,} of {share.available:,} B ({parts})"
