# SPDX-License-Identifier: Apache-2.0
"""Random networks under random and chosen schedules against TFLite-Micro, byte by byte."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.results import Json
from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters import passes, reader, writer
from tflm_converters.emit.tflite import emit_tflite
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import Graph
from tflm_converters.optimize import Goal, optimize
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group, Mode, Stage
from tflm_mcunet import inference
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.inference import Arrays
from tflm_mcunet.samples import sample

GOALS = {
    "layer": Goal(mode="layer"),
    "patch": Goal(mode="patch"),
    "stream": Goal(mode="stream"),
    "auto": Goal(),
    "row-fed": Goal(row_fed=True),
}
"""Of each, the schedule of least MACs and that of least SRAM are run."""

RANDOM, RANDOM_ROW_FED = "random", "random, row-fed"
RANDOM_SCHEDULES = 4
RANDOM_ROW_FED_SCHEDULES = 2
ALL_PASSES = 0.6  # share of random schedules; the others leave out some passes

MODES = (*GOALS, RANDOM, RANDOM_ROW_FED)


def compare(seed: int, *, samples: int, host: HostProcess) -> Json:
    """Runs one network as it is, and converted in many ways.

    Returns:
        `modes`: for each mode, schedules, compared bytes and differing bytes; `coverage`:
        how often each way to run was used; `operators`; `failures`: one text for each.
    """
    content = writer.write(random_network(seed))
    graph = reader.read_bytes(content, name=f"network {seed}")
    run = _Run(seed, host)
    inputs = [sample([graph.tensors[t] for t in graph.inputs], i) for i in range(samples)]
    expected = host.call(inference.run, content, inputs, subject=f"network {seed}")
    for mode, planned in _schedules(graph, seed, run):
        run.add(mode, planned, inputs, expected)
    return {
        "modes": {mode: dataclasses.asdict(count) for mode, count in run.counts.items()},
        "coverage": dict(run.coverage),
        "operators": dict(Counter(op.kind.value for op in graph.ops)),
        "failures": run.failures,
    }


@dataclasses.dataclass
class _Count:
    schedules: int = 0
    compared_bytes: int = 0
    differing_bytes: int = 0


class _Run:
    """What has come out for one network so far."""

    def __init__(self, seed: int, host: HostProcess) -> None:
        self.seed, self.host = seed, host
        self.counts = {mode: _Count() for mode in MODES}
        self.coverage: Counter[str] = Counter()
        self.failures: list[str] = []

    def add(
        self, mode: str, planned: Planned, inputs: list[Arrays], expected: list[Arrays | None]
    ) -> None:
        """Converts, runs and compares."""
        count = self.counts[mode]
        count.schedules += 1
        self.coverage.update(coverage(planned))
        try:
            model = emit_tflite(planned.network, planned.schedule, planned.layout, planned.plan)
            got = self.host.call(inference.run, model, inputs, subject=f"{self.seed}, {mode}")
        except Exception as error:  # whatever it is: it is to be counted and shown
            self.fail(mode, error)
            return
        differing = 0
        for outputs, others in zip(expected, got, strict=True):
            differing += _differing(outputs or (), others or ())
            count.compared_bytes += sum(array.nbytes for array in outputs or ())
        count.differing_bytes += differing
        if differing:
            self.fail(mode, f"{differing} bytes differ")

    def fail(self, mode: str, reason: object) -> None:
        self.failures.append(f"seed {self.seed}, {mode}: {reason}")


def _differing(expected: Arrays, got: Arrays) -> int:
    if [a.shape for a in expected] != [b.shape for b in got]:
        return sum(array.nbytes for array in expected)
    return sum(int(np.count_nonzero(a != b)) for a, b in zip(expected, got, strict=True))


# ---- Schedules ---------------------------------------------------------------------------------


def _schedules(graph: Graph, seed: int, run: _Run) -> Iterator[tuple[str, Planned]]:
    cleaned = passes.run(graph).graph
    for mode, goal in GOALS.items():
        try:
            solution = optimize(cleaned, goal)
        except UnsupportedModelError as error:
            if not goal.row_fed:
                run.fail(mode, error)
            continue
        except Exception as error:
            run.fail(mode, error)
            continue
        least_macs, least_sram = solution.best, solution.front[-1]
        yield mode, least_macs
        if least_sram is not least_macs and least_sram.macs > least_macs.macs:
            yield mode, least_sram
    yield from _random_schedules(graph, seed, run)


def _random_schedules(graph: Graph, seed: int, run: _Run) -> Iterator[tuple[str, Planned]]:
    modes = [RANDOM] * RANDOM_SCHEDULES + [RANDOM_ROW_FED] * RANDOM_ROW_FED_SCHEDULES
    for number, mode in enumerate(modes):
        try:
            planned = _random_plan(graph, [seed, number], row_fed=mode == RANDOM_ROW_FED)
        except Exception as error:
            run.fail(mode, error)
            continue
        if planned is not None:
            yield mode, planned


def _random_plan(graph: Graph, seed: list[int], *, row_fed: bool) -> Planned | None:
    rng = np.random.default_rng(seed)
    disabled = () if rng.random() < ALL_PASSES else rng.choice(passes.NAMES, 3, replace=False)
    network = build_network(passes.run(graph, disabled=set(map(str, disabled))).graph)
    schedule = random_schedule(network, int(rng.integers(1 << 32)), row_fed=row_fed)
    return None if schedule is None else evaluate(network, schedule)


# ---- Coverage ----------------------------------------------------------------------------------


def coverage(planned: Planned) -> Counter[str]:
    """How often a schedule uses each way to run."""
    network = planned.network
    found = Counter({"schedules": 1, "row-fed schedules": int(planned.schedule.row_fed)})
    for stage in planned.schedule.stages:
        found[f"{stage.mode.value} stages"] += 1
        found.update(_of_stage(network, stage))
    found["outputs over inputs"] = len(planned.layout.overlaps)
    found["squeeze-and-excite in two passes"] = _second_passes(network)
    return found


def _of_stage(network: Network, stage: Stage) -> Counter[str]:
    halos = [g for g in stage.groups if _is_halo(network, g)] if stage.mode is Mode.STREAM else []
    return Counter(
        {
            "in-place depthwise": int(stage.in_place),
            "stages in column strips": int(stage.strips > 1),
            "column strips": stage.strips if stage.strips > 1 else 0,
            "groups": len(stage.groups),
            "halo groups": len(halos),
            "accumulating groups": sum(g.accumulate for g in stage.groups),
        }
    )


def _is_halo(network: Network, group: Group) -> bool:
    """Whether a layer behind the first one has a window: what it reads is computed again."""
    behind = network.layers[group.first + 1 : group.last]
    return any(not (layer.is_pointwise or layer.global_pool) for layer in behind)


def _second_passes(network: Network) -> int:
    return sum(t.name.endswith("/second_pass") for t in network.graph.tensors)
