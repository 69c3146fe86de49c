# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet search`"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from tflm_converters.errors import SettingsError
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.files import staged
from tflm_mcunet.report import search as search_text
from tflm_mcunet.report import selection as selection_text
from tflm_mcunet.search import pipeline
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.executor import open_executor
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.request import Request
from tflm_mcunet.search.selection import GridPoint, Selection, select_space
from tflm_mcunet.search.space import audio_spaces, image_spaces

_CHANNELS, _BINS = 3, 40


def execute(options: argparse.Namespace) -> int:
    """Runs the search, or its first stage alone."""
    return _space(options) if options.stage == "space" else _whole(options)


def _whole(options: argparse.Namespace) -> int:
    execution = {"executor": options.executor, "workers": options.workers or 1}
    if options.resume is not None:
        out: Path = options.resume
        result = pipeline.resume(out, **execution)
    else:
        out = options.out
        result = pipeline.run(out=out, **_request(options), **execution)
    show(options, result.to_json(), search_text.text(result, out))
    return 0


def _request(options: argparse.Namespace) -> dict[str, Any]:
    """What the search is asked for, in the words of `Request`."""
    if options.task is None or options.data is None:
        raise SettingsError(
            "search needs --task and --data, or --resume with the folder of a run; `search space` "
            "needs neither"
        )
    names = [field.name for field in dataclasses.fields(Request)]
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def _space(options: argparse.Namespace) -> int:
    limits = Limits.given(
        board=options.board,
        sram=options.sram,
        flash=options.flash,
        macs=options.macs,
        latency_ms=options.latency_ms,
    )
    model = CostModel.for_board(options.board, mode=options.mode, row_fed=options.row_fed)
    with open_executor(options.executor, workers=options.workers) as executor:
        with progress_bar(options) as progress:
            selection = select_space(
                grid(options),
                limits,
                model=model,
                samples=options.samples,
                seed=options.seed,
                executor=executor,
                progress=lambda share: progress("looking at spaces", share),
            )
    result = selection.to_json() | {"limits": dataclasses.asdict(limits)}
    if options.out is not None:
        _write(options.out, result, selection, limits)
    show(options, result, selection_text.text(selection, limits))
    return 0


def _write(out: Path, result: dict[str, object], selection: Selection, limits: Limits) -> None:
    from tflm_mcunet.report import selection_picture  # matplotlib takes a third of a second

    with staged(out) as stage:
        (stage / "spaces.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        (stage / "spaces.png").write_bytes(selection_picture.draw(selection, limits))


def grid(options: argparse.Namespace) -> list[GridPoint]:
    """The spaces to choose from."""
    if options.kind == "audio":
        spaces = audio_spaces(classes=options.classes, bins=options.channels or _BINS)
    else:
        spaces = image_spaces(classes=options.classes, channels=options.channels or _CHANNELS)
    return [GridPoint(*point) for point in spaces]
