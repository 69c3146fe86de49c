# SPDX-License-Identifier: Apache-2.0
"""How good a search's networks are: by ranks, beside random search, beside other networks.

    python -m benchmarks.search_quality kws-ar

1. Do a supernet's weights tell which networks are better? Kendall's tau between accuracies with
   them and accuracies of the same networks trained by themselves.
2. Is evolution better than random search at the same number of evaluations?
3. Is the network found better than MobileNetV2 and MLPerf Tiny's architecture, as wide as the same
   memory allows, trained with the same data, epochs and augmentation?

    python -m benchmarks.search_quality vww-zoo --supernet build/vww

answers the first two of the supernet that the zoo's recipe has trained.

One supernet serves all. Can be stopped and started again; parts may run beside each other in one
folder. Writes results/search_quality_<task>.json, .md and .png. The test split is for the last
question alone, whose answer chooses nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import results, search_quality_page, search_quality_picture
from benchmarks.models import REPOSITORY, add_data_option
from benchmarks.results import Json
from benchmarks.search_quality_run import SEED, Run
from benchmarks.search_quality_task import TASKS, ZOO, Task, quick
from tflm_converters.errors import ConversionError, SettingsError
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.evolution import Evolution, RandomSearch, Search, Settings
from tflm_mcunet.search.space import SearchSpace

SPREAD_OF = 1000
"""Networks of all sizes, of which those are ranked whose MACs are spread most evenly."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    add_data_option(parser)
    parser.add_argument("--part", choices=PARTS, help="only this one, and no page")
    parser.add_argument("--quick", action="store_true", help="to see that it runs; prints the page")
    parser.add_argument("--seeds", type=int, metavar="N", help="of networks that are trained")
    parser.add_argument(
        "--supernet", type=Path, metavar="DIR", help="another search's, trained alike"
    )
    parser.add_argument("--done", action="store_true", help="a page of what is done, no more")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        measure(options)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def measure(options: argparse.Namespace) -> None:
    """Makes all parts and the page, or what options ask for."""
    task = quick(TASKS[options.task]) if options.quick else TASKS[options.task]
    if options.seeds:
        task = dataclasses.replace(task, seeds=options.seeds, ranked_seeds=options.seeds)
    name = f"search_quality_{task.name}"
    folder = options.out or REPOSITORY / "build" / f"{name}{'_quick' if options.quick else ''}"
    run = open_run(task, options, folder)
    parts = ZOO_PARTS if task.name == ZOO else tuple(PARTS)
    chosen = [options.part] if options.part else parts
    if missing := set(chosen) - set(parts):
        raise SettingsError(f"{task.name} has no part {', '.join(missing)}; it has {parts}")
    figures = {part: PARTS[part](run) for part in chosen}
    if options.part:
        return
    figures |= results.provenance("benchmarks.search_quality", packages=("tensorflow",))
    figures |= {"task": dataclasses.asdict(task), "made_at": run.commits()}
    if task.name == ZOO:
        figures["supernet"] = run.supernet_training()
    picture = search_quality_picture.draw(figures["ranking"], figures["methods"])
    if options.quick:
        print(search_quality_page.page(figures))
        return
    (results.RESULTS / f"{name}.png").write_bytes(picture)
    results.write(name, figures, search_quality_page.page)


def open_run(task: Task, options: argparse.Namespace, folder: Path) -> Run:
    """The run of a folder, of a search or of the zoo's recipe."""
    if task.name != ZOO:
        return Run(task, options.data, folder, supernet=options.supernet, only_done=options.done)
    from benchmarks.search_quality_zoo import ZooRun

    if options.supernet is None:
        raise SettingsError(f"{ZOO} needs --supernet: what the recipe has as --build")
    return ZooRun(task, options.data, folder, recipe=options.supernet, only_done=options.done)


def searched(run: Run) -> Json:
    """Space and result of the search, and how its supernet was trained."""
    run.search()
    chosen = json.loads((run.folder / "search" / "space.json").read_text(encoding="utf-8"))
    figures = {k: run.found[k] for k in ("description", "cost", "evaluated")}
    return {"space": chosen, "supernet": run.supernet_training(), **figures}


# ---- Ranks ---------------------------------------------------------------------------------------


def ranking(run: Run) -> Json:
    """Networks of all sizes, with shared weights and by themselves."""
    chosen = spread(run.setting.space, run.task.ranked)
    seeds = range(run.task.ranked_seeds)
    alone: dict[int, list[str]] = {}
    for seed, i in tqdm([(s, i) for s in seeds for i in range(len(chosen))], desc="by themselves"):
        if all(run.wants(f"ranking/alone-{other}-{i}") for other in seeds):
            name = f"ranking/alone-{seed}-{i}"
            made = run.kept(name, functools.partial(_alone, run, chosen[i], seed, name))
            alone.setdefault(i, []).append(made["right"])
    costs = CostModel(row_fed=True).exact(chosen)
    return {
        "views": len(run.setting.views),
        "sample": run.task.sample,
        "networks": [
            {
                "description": str(chosen[i]),
                **dataclasses.asdict(costs[i]),
                "inherited": run.kept(
                    f"ranking/inherited-{i}", functools.partial(_inherited, run, chosen[i])
                )["right"],
                "alone": alone[i],
            }
            for i in sorted(alone)
        ],
    }


def spread(space: SearchSpace, count: int) -> list[Architecture]:
    """Networks whose MACs are spread evenly, by ratio, from the space's fewest to its most.

    Each is the smallest or the largest network, a random share of whose choices is drawn anew. Were
    all of them drawn, nearly all networks would be of a middling size, and as good as each other.
    """
    rng = np.random.default_rng(SEED)
    ends = itertools.cycle((space.smallest(), space.largest()))
    drawn = [
        space.mutate(end, rng, probability=rng.random())
        for end in itertools.islice(ends, SPREAD_OF)
    ]
    macs = np.log(CostModel().estimate(drawn).macs)
    chosen: list[int] = []
    for wanted in np.linspace(macs.min(), macs.max(), count):
        order = np.argsort(np.abs(macs - wanted), kind="stable").tolist()
        chosen.append(next(i for i in order if i not in chosen))
    return [drawn[i] for i in chosen]


def _alone(run: Run, network: Architecture, seed: int, name: str) -> Json:
    from benchmarks import search_quality_training as training
    from tflm_mcunet.search import keras_model

    model = training.trained(
        lambda: keras_model.build(network),
        run.epochs,
        count=run.task.ranked_epochs,
        seed=seed,
        folder=run.folder / "checkpoints" / name,
        learning_rate=run.task.rate,
    )
    return {"right": training.digits(run.setting.views, training.predictor(model))}


def _inherited(run: Run, network: Architecture) -> Json:
    from benchmarks import search_quality_training as training
    from tflm_mcunet.search import extraction

    supernet, calibration, _ = run.evaluator.load()
    statistics = extraction.calibrate(supernet, network, calibration)
    choices = supernet.choices(network)

    def predict(inputs: np.ndarray) -> np.ndarray:  # resizes by itself
        return np.asarray(supernet.predict(inputs, choices, statistics))

    return {"right": training.digits(run.setting.views, predict)}


# ---- Evolution and random search -----------------------------------------------------------------


METHODS: dict[str, tuple[type[Search], bool]] = {
    "random search": (RandomSearch, False),
    "evolution": (Evolution, False),
    "evolution with predictor": (Evolution, True),
}
"""What searches, and whether a predictor chooses what is evaluated."""


def methods(run: Run) -> Json:
    """Accuracies in the order of evaluation, by method and seed."""
    evaluate = Remembered(run)
    made: Json = {}
    for name in METHODS:
        for seed in range(run.task.method_seeds):
            item = f"methods/{name}-{seed}"
            if run.wants(item):
                figures = run.kept(item, functools.partial(_one, run, name, seed, evaluate))
                made.setdefault(name, []).append(figures)
    return made


def _one(run: Run, name: str, seed: int, evaluate: Remembered) -> Json:
    kind, predictor = METHODS[name]
    population, generations = run.task.evaluations
    settings = Settings(
        seed=seed, population=population, generations=generations, predictor=predictor
    )
    method = kind(
        run.setting.space,
        run.task.limits,
        model=CostModel(row_fed=True),
        settings=settings,
        state=run.folder / "methods" / f"{name}-{seed}.state",
    )
    best = method.run(evaluate)
    accuracies = [record.accuracy for record in method.records]
    return {"accuracies": accuracies, "best": str(best.architecture)}


class Remembered:
    """The supernet's accuracies: no network is evaluated twice, whichever search asks."""

    def __init__(self, run: Run) -> None:
        self._run, self._path = run, run.folder / "methods" / "accuracies.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        lines = self._path.read_text(encoding="utf-8").splitlines()
        self._known: dict[str, float] = dict(json.loads(line) for line in lines)

    def __call__(self, network: Architecture) -> float:
        key = network.to_json()
        if key not in self._known:
            self._known[key] = self._run.evaluator(network)
            with self._path.open("a", encoding="utf-8") as log:
                log.write(json.dumps([key, self._known[key]]) + "\n")
        return self._known[key]


# ---- The network found, and others ---------------------------------------------------------------


def comparison(run: Run) -> Json:
    """All networks, trained alike, with each seed."""
    from benchmarks.search_quality_candidates import baselines, found

    made: Json = {}
    for groups in (baselines(run), found(run)):
        chosen = list(groups)
        made |= {each.name: {"title": each.title, "runs": []} for each in chosen}
        for seed in range(run.task.seeds):
            for candidate in tqdm(chosen, desc=f"networks, seed {seed}"):
                name = f"comparison/{candidate.name}-{seed}"
                if run.wants(name):
                    figures = run.kept(name, functools.partial(candidate.judged, run, seed, name))
                    made[candidate.name]["runs"].append(figures)
    return made


PARTS: dict[str, Callable[[Run], Json]] = {
    "search": searched,
    "ranking": ranking,
    "methods": methods,
    "comparison": comparison,
}

ZOO_PARTS = ("ranking", "methods")
"""What its networks are compared with, the zoo's own page says."""

if __name__ == "__main__":
    sys.exit(main())
