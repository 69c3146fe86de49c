# SPDX-License-Identifier: Apache-2.0
"""What a search is asked for; kept beside its results, so that it can be resumed by its folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tflm_converters.errors import ConversionError, SettingsError
from tflm_mcunet.files import read_file, staged
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.limits import Limits

FILE = "run.json"
SPACE_FILE = "space.json"
"""What stage one has chosen."""

EVALUATION = "evaluation"
"""Folder of the trained supernet, and of what candidates are judged by."""

IMAGE_TASKS = ("vww",)
KEYWORD_TASKS = ("kws", "kws-ar", "kws-en", "kws-wake")
TASKS = (*IMAGE_TASKS, *KEYWORD_TASKS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """All that the result of a search depends on.

    `task`: one of `TASKS`; "vww" for images of any classes, "kws" for clips of any words.
    `keywords`: the words to tell apart in a folder of clips, task "kws"; all others are unknown.
    `supernet`: the folder of another run, whose space and trained supernet are taken. `teacher`: a
    `.tflite` file of float32 that gives probabilities, whose answers are `teacher_share` of what is
    learned; `teacher_range`: what it takes for black and white pixels. `effort`: if not given, as
    much as takes about `hours`. `learning_rate`: of the supernet, and of the network found by
    itself. The rest is as for `pipeline.run`.
    """

    task: str
    data: str
    board: str | None = None
    sram: int | None = None
    flash: int | None = None
    macs: int | None = None
    latency_ms: float | None = None
    mode: str = "auto"
    row_fed: bool = False
    max_resolution: int | None = None
    keywords: tuple[str, ...] | None = None
    supernet: str | None = None
    teacher: str | None = None
    teacher_range: tuple[float, float] = (-1.0, 127 / 128)
    teacher_share: float = 0.7
    hours: float = 2.0
    effort: Effort | None = None
    batch_size: int = 64
    learning_rate: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.teacher_range
        object.__setattr__(self, "teacher_range", (float(low), float(high)))  # a list in JSON
        if self.task not in TASKS:
            raise SettingsError(f"unknown task '{self.task}'; expected one of {', '.join(TASKS)}")
        if self.keywords is not None:
            object.__setattr__(self, "keywords", tuple(self.keywords))  # a list in JSON
        if self.keywords is not None and self.task != "kws":
            raise SettingsError(
                f"keywords can be chosen for the task kws, which has a folder of clips for each "
                f"word; {self.task} has its own"
            )
        if self.hours <= 0:
            raise SettingsError(f"expected hours greater than 0, got {self.hours:g}")

    @property
    def limits(self) -> Limits:
        """What networks must keep to; see `Limits.given`."""
        return Limits.given(
            board=self.board,
            sram=self.sram,
            flash=self.flash,
            macs=self.macs,
            latency_ms=self.latency_ms,
        )

    @property
    def cost_model(self) -> CostModel:
        """How costs are counted."""
        return CostModel.for_board(self.board, mode=self.mode, row_fed=self.row_fed)

    def keep(self, folder: Path) -> None:
        """Writes the request, or makes sure that the folder's is the same.

        Raises:
            SettingsError: the folder is of another search.
            OutputError: it cannot be written.
        """
        if (folder / FILE).is_file():
            other = Request.read(folder)
            for field in dataclasses.fields(self):
                found, wanted = getattr(other, field.name), getattr(self, field.name)
                if found != wanted:
                    raise SettingsError(
                        f"'{folder}' holds a search with another {field.name}: {found}, expected "
                        f"{wanted}; choose another folder, or resume that search"
                    )
            return
        with staged(folder) as stage:
            (stage / FILE).write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Request:
        """The request of a folder.

        Raises:
            ConversionError: there is none.
        """
        try:
            fields: dict[str, Any] = json.loads(read_file(folder / FILE))
            effort = fields.pop("effort")
            return cls(**fields, effort=effort and Effort(**effort))
        except (ValueError, KeyError, TypeError) as error:
            raise ConversionError(f"'{folder / FILE}' is no search: {error}") from None
