# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet convert`"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Conversion, Progress, convert
from tflm_mcunet.files import staged
from tflm_mcunet.report import conversion as report
from tflm_mcunet.report.plan_file import plan_json


def execute(options: argparse.Namespace) -> int:
    """Converts a model into a folder; outputs that differ are status 1."""
    with staged(options.out) as stage, progress_bar(options) as progress:
        result = _convert(options, progress)
        progress("drawing the report", 0.0)
        _write(stage, result)
    written = f"Written to '{options.out}': model.tflite, plan.json, report.html and pictures"
    show(options, result.to_json(), f"{report.text(result)}\n\n{written}")
    return int(result.parity is not None and not result.parity.identical)


def _convert(options: argparse.Namespace, progress: Progress) -> Conversion:
    return convert(
        options.model,
        float_io=options.float_io,
        samples=options.samples,
        progress=progress,
        **schedule_options(options),
    )


def schedule_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `convert` that say how the model is to be scheduled."""
    return {
        "board": options.board,
        "sram": options.sram,
        "objective": options.objective,
        "max_macs_ratio": options.max_macs,
        "mode": options.mode,
        "patches": options.patches,
        "row_fed": options.row_fed,
        "tile_slack": options.tile_slack,
        "disabled_passes": options.disable,
    }


def _write(folder: Path, result: Conversion) -> None:
    (folder / "model.tflite").write_bytes(result.model)
    plan = json.dumps(plan_json(result.planned), indent=1, ensure_ascii=False)
    (folder / "plan.json").write_text(plan + "\n", encoding="utf-8")
    drawn = report.pictures(result)
    for name, picture in drawn.items():
        (folder / name).write_bytes(picture)
    (folder / "report.html").write_text(report.page(result, drawn), encoding="utf-8")
