# SPDX-License-Identifier: Apache-2.0
"""Evolution and random search: both propose networks and are told how good they are.

Evolution as in MCUNet (arXiv 2007.10319): a population of 100, 30 generations, the best 20 are
the parents, half of the children by crossover, half by mutation with probability 0.1. On demand,
a predictor of accuracy chooses among more children than are evaluated.

What is proposed depends on the seed, the number of the generation and what is known so far, on
nothing else. So the records are the whole state of a search, and one that is resumed goes on
exactly as if it had never been interrupted.
"""

from __future__ import annotations

import abc
import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tflm_converters.errors import ConversionError
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost import Cost, Costs
from tflm_mcunet.search.cost_model import CostModel
from tflm_mcunet.search.executor import Executor, SerialExecutor
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.predictor import Ridge, encode
from tflm_mcunet.search.space import SearchSpace

Evaluate = Callable[[Architecture], float]
"""Accuracy of a network; higher is better. It must depend on the network alone."""

DRAWS = 20
"""Candidates are drawn this many times the number wanted before ever closer ones are tried."""

PRESCREENED = 5
"""With a predictor, children are drawn this many times the population."""

FALLBACK_PROBABILITY = 0.3
"""Of mutating networks that fit, where hardly a random one does."""


class SearchStateError(ConversionError):
    """A saved search is of other settings, or cannot be read."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The constants of a search; the defaults are the papers'.

    `parent_share`: how many parents there are, relative to the population. `predictor`: of many
    children, those are evaluated for which `predictor.Ridge` predicts the best accuracies.
    """

    seed: int = 0
    population: int = 100
    generations: int = 30
    parent_share: float = 0.2
    mutation_probability: float = 0.1
    predictor: bool = False

    @property
    def parents(self) -> int:
        return max(2, round(self.parent_share * self.population))


@dataclasses.dataclass(frozen=True)
class Record:
    """A network that was evaluated."""

    architecture: Architecture
    cost: Cost
    accuracy: float
    generation: int


class Search(abc.ABC):
    """Proposes networks that keep to the limits, and records how good they are.

    Args:
        space: where networks are drawn from.
        limits: what all proposed networks keep to, by the exact figures.
        model: how costs are counted.
        settings: constants.
        state: file that the search is saved to after each generation, and resumed from.

    Raises:
        InfeasibleError: no network of the space keeps to the limits.
        SearchStateError: the file is of another search.
    """

    method = ""

    def __init__(
        self,
        space: SearchSpace,
        limits: Limits,
        *,
        model: CostModel | None = None,
        settings: Settings | None = None,
        state: Path | None = None,
    ) -> None:
        self.space, self.limits = space, limits
        self.model = model or CostModel()
        self.settings = settings or Settings()
        self.state = state
        self.records: list[Record] = []
        self._known: set[Architecture] = set()
        self.model.require_feasible([space.smallest()], limits)
        if state is not None and state.exists():
            self._resume(state)

    # ---- Propose, evaluate, record ----

    @property
    def generation(self) -> int:
        """The number of generations recorded."""
        return self.records[-1].generation + 1 if self.records else 0

    @property
    def finished(self) -> bool:
        return self.generation >= self.settings.generations

    @abc.abstractmethod
    def propose(self) -> list[Architecture]:
        """The networks of the next generation, none of which was proposed before."""

    def record(self, architectures: Sequence[Architecture], accuracies: Sequence[float]) -> None:
        """Takes in what a generation has come to, and saves it."""
        generation = self.generation
        costs = self.model.exact(architectures)
        for architecture, cost, accuracy in zip(architectures, costs, accuracies, strict=True):
            self._add(Record(architecture, cost, float(accuracy), generation))
        if self.state is not None:
            _write_atomically(self.state, json.dumps(self._to_json()) + "\n")

    def run(self, evaluate: Evaluate, *, executor: Executor | None = None) -> Record:
        """Goes on to the last generation, and returns the best network."""
        executor = executor or SerialExecutor()
        total = self.settings.generations
        with tqdm(total=total, initial=self.generation, desc=self.method, disable=None) as bar:
            while not self.finished:
                proposed = self.propose()
                if not proposed:  # the space is exhausted
                    break
                self.record(proposed, list(executor.map(evaluate, proposed)))
                bar.set_postfix_str(f"best {self.best.accuracy:.4f}")
                bar.update()
        return self.best

    # ---- What is known ----

    @property
    def best(self) -> Record:
        """The most accurate network; of equals, the one of least work."""
        return self.ranked()[0]

    def ranked(self) -> list[Record]:
        """All networks, best first."""
        return sorted(self.records, key=lambda r: (-r.accuracy, r.cost.macs, str(r.architecture)))

    def pareto(self, cost: str = "sram_bytes") -> list[Record]:
        """Networks that no other beats in accuracy and in one cost; the cheapest first."""
        front: list[Record] = []
        for record in sorted(self.records, key=lambda r: (getattr(r.cost, cost), -r.accuracy)):
            if not front or record.accuracy > front[-1].accuracy:
                front.append(record)
        return front

    def _add(self, record: Record) -> None:
        self.records.append(record)
        self._known.add(record.architecture)

    # ---- Drawing networks that fit ----

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, self.generation])

    def _draw(
        self, count: int, make: Callable[[], Architecture], found: dict[Architecture, None]
    ) -> None:
        """Adds up to `count` networks to `found` that are new and keep to the limits."""
        wanted, drawn = len(found) + count, 0
        while len(found) < wanted and drawn < DRAWS * count:
            batch = list(dict.fromkeys(make() for _ in range(count)))
            drawn += count
            fresh = [a for a in batch if a not in found and a not in self._known]
            if not fresh:
                continue
            fits = self.model.screen(fresh, self.limits).fits
            for architecture, is_feasible in zip(fresh, fits, strict=True):
                if is_feasible and len(found) < wanted:
                    found[architecture] = None

    def _draw_random(self, count: int, rng: np.random.Generator) -> list[Architecture]:
        """Random networks; where few of them fit, relatives of such as do."""
        found: dict[Architecture, None] = {}
        self._draw(count, lambda: self.space.sample(rng), found)
        if len(found) < count:
            smallest = self.space.smallest()
            if smallest not in self._known:
                found.setdefault(smallest)

            def relative() -> Architecture:
                fitting = [smallest, *found]
                parent = fitting[rng.integers(len(fitting))]
                return self.space.mutate(parent, rng, probability=FALLBACK_PROBABILITY)

            self._draw(count - len(found), relative, found)
        return list(found)[:count]

    # ---- Saving and resuming ----

    def _identity(self) -> dict[str, Any]:
        """What two searches must have in common to be the same."""
        return {
            "method": self.method,
            "space": repr(self.space),
            "limits": dataclasses.asdict(self.limits),
            "model": dataclasses.asdict(self.model),
            "settings": dataclasses.asdict(self.settings),
        }

    def _to_json(self) -> dict[str, Any]:
        records = [
            {
                "architecture": json.loads(record.architecture.to_json()),
                "cost": dataclasses.asdict(record.cost),
                "accuracy": record.accuracy,
                "generation": record.generation,
            }
            for record in self.records
        ]
        return {"search": self._identity(), "records": records}

    def _resume(self, state: Path) -> None:
        try:
            content = json.loads(state.read_text(encoding="utf-8"))
            identity, records = content["search"], content["records"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SearchStateError(f"cannot resume from '{state}': {error}") from None
        expected = json.loads(json.dumps(self._identity()))
        for name, value in expected.items():
            if identity.get(name) != value:
                raise SearchStateError(
                    f"cannot resume from '{state}': its {name} is {identity.get(name)}, and now it "
                    f"is {value}; give the same options, or another folder"
                )
        for record in records:
            architecture = Architecture.from_json(json.dumps(record["architecture"]))
            cost = Cost(**record["cost"])
            self._add(Record(architecture, cost, record["accuracy"], record["generation"]))


class RandomSearch(Search):
    """Proposes random networks: what evolution is to be compared with."""

    method = "random search"

    def propose(self) -> list[Architecture]:
        return self._draw_random(self.settings.population, self._rng())


class Evolution(Search):
    """Proposes children of the best networks."""

    method = "evolution"

    def propose(self) -> list[Architecture]:
        rng, settings = self._rng(), self.settings
        if self.generation == 0:
            return self._draw_random(settings.population, rng)
        drawn = settings.population * (PRESCREENED if settings.predictor else 1)
        children = self._children(drawn, rng)
        if len(children) > settings.population:
            order = np.argsort(-self._predicted(children), kind="stable")
            children = [children[index] for index in order[: settings.population]]
        return children

    def _children(self, count: int, rng: np.random.Generator) -> list[Architecture]:
        settings = self.settings
        parents = [record.architecture for record in self.ranked()[: settings.parents]]

        def parent() -> Architecture:
            return parents[rng.integers(len(parents))]

        def crossed() -> Architecture:
            return self.space.crossover(parent(), parent(), rng)

        def mutated() -> Architecture:
            probability = settings.mutation_probability
            return self.space.mutate(parent(), rng, probability=probability)

        children: dict[Architecture, None] = {}
        self._draw(count // 2, crossed, children)
        self._draw(count - len(children), mutated, children)
        return list(children)

    def _predicted(self, children: Sequence[Architecture]) -> np.ndarray:
        """Accuracies of networks that have not been evaluated, by those that have."""
        known = [record.architecture for record in self.records]
        costs = Costs.of([record.cost for record in self.records])
        ridge = Ridge(
            encode(self.space, known, costs), np.array([record.accuracy for record in self.records])
        )
        return ridge.predict(encode(self.space, children, self.model.estimate(children)))


def _write_atomically(path: Path, text: str) -> None:
    """A reader, and whoever resumes after a crash, sees the old content or the new."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
