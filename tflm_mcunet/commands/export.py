# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet export`"""

from __future__ import annotations

import argparse
from pathlib import Path

from tflm_mcunet.commands.convert import schedule_options
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.exporting import Export, export_c
from tflm_mcunet.files import staged


def execute(options: argparse.Namespace) -> int:
    """Writes a model as C sources into a folder."""
    out: Path = options.out or Path("build")
    with staged(out) as stage, progress_bar(options) as progress:
        export = export_c(
            options.model,
            name=options.name,
            labels=options.labels,
            progress=progress,
            **schedule_options(options),
        )
        for name, content in (export.files | export.self_test).items():
            (stage / name).write_bytes(content)
    show(options, export.to_json(), _text(export, out))
    return 0


def _text(export: Export, out: Path) -> str:
    name = export.model.name
    return (
        f"{export.arena_bytes:,} B of SRAM, {export.model.table_bytes:,} B of flash and the code\n"
        f"Written to '{out}': {name}.h, {name}.c, the runtime that they need, and "
        f"{name}_selftest.c, which says how to compile it"
    )
