# SPDX-License-Identifier: Apache-2.0
"""The folder of a run of `benchmarks.search_quality`, and what its parts have in common."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import results
from benchmarks.results import Json
from benchmarks.search_quality_task import Setting, Task, prepare
from tflm_converters.errors import SettingsError
from tflm_mcunet import search
from tflm_mcunet.files import staged
from tflm_mcunet.search.request import EVALUATION, IMAGE_TASKS, Request

if TYPE_CHECKING:
    from benchmarks.search_quality_training import Epochs
    from tflm_mcunet.search.evaluator import Evaluator

SEED = 0
PARTS = ("ranking", "methods", "comparison")
"""Folders of figures."""

SEEDS = "seeds"
"""Ends the names of settings that may change: more seeds change nothing about the first ones."""


class Run:
    """A folder with what is done already, and what the parts have in common.

    Raises:
        SettingsError: the folder is of other settings.
    """

    def __init__(
        self,
        task: Task,
        data: Path,
        folder: Path,
        *,
        supernet: Path | None = None,
        only_done: bool = False,
    ) -> None:
        """`supernet`: the folder of another search on the same data, whose supernet is taken.

        `only_done`: nothing more is trained.
        """
        self.task, self.data, self.folder = task, data, folder
        self.supernet, self._only_done = supernet, only_done
        wanted = json.loads(json.dumps(dataclasses.asdict(task)))
        found = self.kept("settings", lambda: wanted)
        if any(found.get(key) != wanted[key] for key in wanted if not key.endswith(SEEDS)):
            raise SettingsError(f"'{folder}' holds a run of other settings; choose another --out")

    def kept(self, name: str, make: Callable[[], Json]) -> Json:
        """Figures from the file of that name, or made now."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            commit = results.provenance("benchmarks.search_quality")["commit"]
            made = {"commit": commit, "figures": make()}
            with staged(path.parent) as stage:
                (stage / path.name).write_text(json.dumps(made) + "\n", encoding="utf-8")
        figures: Json = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return figures

    def wants(self, name: str) -> bool:
        """Whether these figures are to be shown; nothing is made for them alone."""
        return not self._only_done or (self.folder / f"{name}.json").is_file()

    def commits(self) -> list[str]:
        """Of the sources with which the parts were made."""
        paths = (path for part in PARTS for path in (self.folder / part).glob("*.json"))
        return sorted({json.loads(path.read_text(encoding="utf-8"))["commit"] for path in paths})

    @functools.cached_property
    def found(self) -> Json:
        """What the search has found, as `search.run` writes it."""
        path = self.folder / "search" / "result.json"
        if not path.is_file():
            raise SettingsError(f"'{path}' is not there yet; the part 'search' makes it")
        result: Json = json.loads(path.read_text(encoding="utf-8"))
        return result

    def search(self) -> None:
        """Runs the search, if it is not done."""
        if not (self.folder / "search" / "result.json").is_file():
            options = self.task.options(self.data) | {"seed": SEED, "supernet": self.supernet}
            search.run(out=self.folder / "search", **options)

    @functools.cached_property
    def setting(self) -> Setting:
        """Data and space; stage one of the search must be done."""
        path = self.folder / "search" / "space.json"
        if not path.is_file():
            raise SettingsError(f"'{path}' is not there yet; the part 'search' makes it")
        chosen = json.loads(path.read_text(encoding="utf-8"))
        return prepare(self.task, self.data, **{k: chosen[k] for k in ("resolution", "width")})

    @property
    def trained_in(self) -> Path:
        """The folder of the search that trained the supernet."""
        folder = self.folder / "search"
        return Path(Request.read(folder).supernet or folder)

    def supernet_training(self) -> Json:
        """Options of the supernet's training, and whether it was another search's."""
        path = self.trained_in / "supernet" / "run.json"
        options: Json = json.loads(path.read_text(encoding="utf-8"))
        return {"borrowed": self.trained_in != self.folder / "search", **options}

    @functools.cached_property
    def evaluator(self) -> Evaluator:
        """Of the search's supernet."""
        from tflm_mcunet.search.evaluator import Evaluator

        return Evaluator(self.setting.space, self.trained_in / EVALUATION)

    @functools.cached_property
    def epochs(self) -> Epochs:
        from benchmarks.search_quality_training import Epochs

        keeps = self.task.data_set not in IMAGE_TASKS
        return Epochs(self.setting.made, self.setting.size, keeps=keeps)
