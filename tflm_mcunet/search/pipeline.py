# SPDX-License-Identifier: Apache-2.0
"""The whole search: space, supernet, evolution, and the network found, trained by itself.

TinyNAS (MCUNet, arXiv 2007.10319) with the joint search of network and schedule of MCUNetV2
(arXiv 2110.15352): what a candidate costs is what the converter's scheduler makes of it. Every
stage leaves a file in the run's folder and is not done again by a run that is resumed.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tflm_converters.errors import ConversionError, DataError
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.files import staged
from tflm_mcunet.search import borrowed, material
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.evolution import Evolution, Settings
from tflm_mcunet.search.executor import open_executor
from tflm_mcunet.search.material import Material
from tflm_mcunet.search.request import IMAGE_TASKS, SPACE_FILE, Request
from tflm_mcunet.search.result import Result
from tflm_mcunet.search.selection import GridPoint, select_space
from tflm_mcunet.search.space import (
    AUDIO_WIDTH_MULTIPLIERS,
    RESOLUTIONS,
    SearchSpace,
    audio_space,
    image_space,
    image_spaces,
)
from tflm_mcunet.tasks.loading import CATALOGUE

_ELASTIC_STEPS = (32, 16, 0)  # resolutions below the chosen one that networks may have, too
_CLIP_SAMPLES = 16000

_EFFORT, _EVOLUTION, _RESULT = "effort.json", "evolution.json", "result.json"


def run(
    *,
    task: str,
    data: str | Path,
    out: str | Path = "run",
    supernet: str | Path | None = None,
    executor: str = "local",
    workers: int | None = 1,
    progress: bool = True,
    **options: Any,
) -> Result:
    """Searches the most accurate network that keeps to the limits.

    Args:
        task: what the data are, one of `request.TASKS`.
        data: folder with a sub-folder for each class.
        out: folder of the run. If it holds one with the same options, that is resumed.
        supernet: folder of another run on the same data, whose space and trained supernet are
            taken: one supernet serves many limits.
        executor: where candidates are evaluated: "local" or "ray", see `open_executor`.
        workers: local processes that evaluate; 1: this one, whose TensorFlow uses all cores.
        progress: whether to show bars on stderr.
        options: as for `Request`: at least a board or a limit.

    Raises:
        InfeasibleError: no network keeps to the limits; says which one binds and what is nearest.
        ConversionError: something is wrong with options, data or folder.

    Example:
        >>> result = search.run(task="vww", data="photos/", board="nano33ble", out="run")
        >>> result.best.model.save("person.keras")
        >>> smaller = search.run(
        ...     task="vww", data="photos/", board="uno-r4", out="small", supernet="run"
        ... )
    """
    return resume_request(
        Request(
            task=task,
            data=str(data),
            supernet=None if supernet is None else str(supernet),
            **options,
        ),
        Path(out),
        executor=executor,
        workers=workers,
        progress=progress,
    )


def resume(out: str | Path, **execution: Any) -> Result:
    """Goes on with the run of a folder; see `run` for `executor`, `workers` and `progress`."""
    return resume_request(Request.read(Path(out)), Path(out), **execution)


def resume_request(
    request: Request,
    folder: Path,
    *,
    executor: str = "local",
    workers: int | None = 1,
    progress: bool = True,
) -> Result:
    """Begins or goes on with a run; arguments and errors as for `run`."""
    limits = request.limits  # what is wrong with options and folders is told at once
    _require_data(request.data)
    if request.supernet is not None:
        borrowed.space_choice(request, Path(request.supernet))
    request.keep(folder)
    space_choice = _kept(folder / SPACE_FILE, lambda: _choose_space(request))
    made, space = _material_and_space(request, space_choice)
    request.cost_model.require_feasible([space.smallest()], limits)
    from tflm_mcunet.search import learning  # TensorFlow, after the worker processes of stage one

    effort = Effort(
        **_kept(
            folder / _EFFORT,
            lambda: dataclasses.asdict(
                learning.plan_effort(request, made, space, progress=progress)
            ),
        )
    )
    evaluator = learning.train_supernet(request, made, space, effort, folder, progress=progress)
    evolution = Evolution(
        space,
        limits,
        model=request.cost_model,
        settings=Settings(
            seed=request.seed, population=effort.population, generations=effort.generations
        ),
        state=folder / _EVOLUTION,
    )
    with open_executor(executor, workers=workers) as where:
        best = evolution.run(evaluator, executor=where)
    found = learning.train_best(request, made, evaluator, best, effort, folder, progress=progress)
    result = Result(
        found, tuple(evolution.pareto()), tuple(evolution.records), limits, made.classes
    )
    _write(result, folder)
    return result


def _require_data(data: str) -> None:
    if not data.startswith(CATALOGUE) and not Path(data).is_dir():
        raise DataError(f"'{data}' is not a folder; expected one with a sub-folder for each class")


# ---- Stage one -----------------------------------------------------------------------------------


def _choose_space(request: Request) -> dict[str, Any]:
    if request.supernet is not None:
        return borrowed.space_choice(request, Path(request.supernet))
    grid = _grid(request, material.count_classes(request.data, request.task, request.keywords))
    with open_executor() as executor, tqdm(total=1.0, desc="spaces", disable=None) as bar:

        def advance(share: float) -> None:
            bar.n = share
            bar.refresh()

        selection = select_space(
            grid,
            request.limits,
            model=request.cost_model,
            seed=request.seed,
            executor=executor,
            progress=advance,
        )
    return selection.to_json()["chosen"]


def _grid(request: Request, classes: int) -> list[GridPoint]:
    if request.task in IMAGE_TASKS:
        most = request.max_resolution or RESOLUTIONS[-1]
        points = [p for p in image_spaces(classes=classes) if p[0] <= most]
        if not points:
            raise ConversionError(f"expected a resolution of at least {RESOLUTIONS[0]}, got {most}")
        return [GridPoint(*point) for point in points]
    config = LogMelConfig()
    frames = config.frames(_CLIP_SAMPLES)
    return [
        GridPoint(
            frames,
            width,
            audio_space(
                classes=classes,
                frames=(frames,),
                bins=config.bins,
                width_multiplier=width,
            ),
        )
        for width in AUDIO_WIDTH_MULTIPLIERS
    ]


def _material_and_space(request: Request, choice: dict[str, Any]) -> tuple[Material, SearchSpace]:
    """The data, and the chosen space for as many classes as they have."""
    resolution, width = choice["resolution"], choice["width"]
    common: dict[str, Any] = {"batch_size": request.batch_size, "seed": request.seed}
    if request.task in IMAGE_TASKS:
        made = material.images(request.data, resolution=resolution, **common)
        sizes = sorted({max(resolution - step, RESOLUTIONS[0]) for step in _ELASTIC_STEPS})
        return made, image_space(
            classes=len(made.classes), resolutions=sizes, width_multiplier=width
        )
    config = LogMelConfig()
    made = material.keywords(
        request.data, request.task, front_end=config, words=request.keywords, **common
    )
    return made, audio_space(
        classes=len(made.classes),
        frames=(resolution,),
        bins=config.bins,
        width_multiplier=width,
    )


# ---- Files ---------------------------------------------------------------------------------------


def _kept(path: Path, make: Any) -> dict[str, Any]:
    """What a stage has come to: from its file, or made now."""
    if path.is_file():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known
    made: dict[str, Any] = make()
    with staged(path.parent) as stage:
        (stage / path.name).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def _write(result: Result, folder: Path) -> None:
    with staged(folder) as stage:
        text = json.dumps(result.to_json(), indent=1) + "\n"
        (stage / _RESULT).write_text(text, encoding="utf-8")
        (stage / "search.png").write_bytes(result.plot())
        result.best.model.save(stage / "model.keras")
        (stage / "model.tflite").write_bytes(result.best.int8)
