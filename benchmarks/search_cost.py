# SPDX-License-Identifier: Apache-2.0
"""The search's cost model beside the converter: the same figures, a thousand times as fast?

    python -m benchmarks.search_cost

Writes results/search_cost.json and results/search_cost.md.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from tqdm import tqdm

from benchmarks import results, search_cost_page
from benchmarks.results import Json
from tflm_converters.optimize import MODES, Goal, optimize
from tflm_converters.schedule.candidates import Options, plain_candidates
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.solver import Solver
from tflm_converters.schedule.types import Schedule
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost_model import CostModel, margins
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import encode
from tflm_mcunet.search.space import audio_spaces, image_spaces

SEED = 0
SPEED_NETWORKS = 2000
REPEATS = 3
SETTINGS = (("auto", False, 500), ("auto", True, 100), ("layer", False, 100), ("layer", True, 100))
"""Mode, whether the input is row-fed, and how many networks are compared."""

HELD_OUT = (
    ("image", "auto", False, 400),
    ("image", "auto", True, 300),
    ("image", "layer", False, 100),
    ("audio", "auto", False, 300),
    ("audio", "auto", True, 300),
)
"""The same, of images or spectrograms: networks by which no margin was chosen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--optimized", type=int, default=12, help="networks for the whole optimizer"
    )
    parser.add_argument(
        "--estimates", action="store_true", help="only the speed and the errors of estimates anew"
    )
    options = parser.parse_args()
    figures = results.read("search_cost") if options.estimates else agreement(options.optimized)
    figures["speed"] = {
        "provenance": results.provenance("benchmarks.search_cost"),
        "estimates_per_second": [estimates_per_second(mode, fed) for mode, fed, _ in SETTINGS],
    }
    figures["held_out"] = [held_out(*setting) for setting in HELD_OUT]
    results.write("search_cost", figures, search_cost_page.page)


def agreement(optimized: int) -> Json:
    """All figures beside the converter's."""
    return {
        **results.provenance("benchmarks.search_cost"),
        "seed": SEED,
        "settings": [compare(*setting) for setting in SETTINGS],
        "optimizer": [whole_optimizer(optimized, row_fed=row_fed) for row_fed in (False, True)],
    }


def estimates_per_second(mode: str, row_fed: bool) -> float:
    """Networks per second of processor time, the best of a few runs."""
    model = CostModel(mode=mode, row_fed=row_fed)
    many = networks(SPEED_NETWORKS, SEED + 1)
    seconds = []
    for _ in range(REPEATS):
        begin = time.process_time()
        model.estimate(many)
        seconds.append(time.process_time() - begin)
    return SPEED_NETWORKS / min(seconds)


def held_out(kind: str, mode: str, row_fed: bool, count: int) -> Json:
    """How many networks are further off than the margins within which networks are planned."""
    chosen = networks(count, SEED + 900, kind)
    model = CostModel(mode=mode, row_fed=row_fed)
    ratios = np.array(
        [
            estimate / cost.sram_bytes
            for estimate, cost in zip(
                model.estimate(chosen).sram_bytes.tolist(), model.exact(chosen), strict=True
            )
        ]
    )
    low, high = margins(encode(chosen), mode)
    return {
        "kind": kind,
        "mode": mode,
        "row_fed": row_fed,
        "networks": count,
        "least": float(ratios.min()),
        "most": float(ratios.max()),
        "outside": int(((ratios < low) | (ratios > high)).sum()),
    }


def networks(count: int, seed: int = SEED, kind: str = "image") -> list[Architecture]:
    """Random networks of random spaces of the grid for images or spectrograms."""
    rng = np.random.default_rng(seed)
    grid = image_spaces(classes=2) if kind == "image" else audio_spaces(classes=12, bins=40)
    spaces = [space for _, _, space in grid]
    return [spaces[rng.integers(len(spaces))].sample(rng) for _ in range(count)]


def compare(mode: str, row_fed: bool, count: int) -> Json:
    """Both figures beside what the converter gives."""
    model = CostModel(mode=mode, row_fed=row_fed)
    chosen = networks(count)
    begin = time.process_time()
    exact = [cost.sram_bytes for cost in model.exact(chosen)]
    exact_seconds = time.process_time() - begin
    estimates = model.estimate(chosen).sram_bytes.tolist()
    pairs = [
        planned(network, mode, row_fed=row_fed)
        for network in tqdm(chosen, desc=f"{mode}, {'row-fed' if row_fed else 'whole input'}")
    ]
    ratios = [estimate / peak for estimate, peak in zip(estimates, exact, strict=True)]
    return {
        "mode": mode,
        "row_fed": row_fed,
        "networks": count,
        "plans_per_second": count / exact_seconds,
        "equal_estimates": sum(e == path for e, (path, _) in zip(estimates, pairs, strict=True)),
        "equal_peaks": sum(e == plan.peak for e, (_, plan) in zip(exact, pairs, strict=True)),
        "estimate_over_exact": np.quantile(ratios, [0, 0.05, 0.5, 0.95, 1]).tolist(),
        "estimate_is_exact": sum(e == peak for e, peak in zip(estimates, exact, strict=True)),
        "gap_zero": sum(plan.peak == plan.lower_bound for _, plan in pairs),
    }


def planned(network: Architecture, mode: str, *, row_fed: bool) -> tuple[int, Planned]:
    """The solver's estimate, and the memory plan of its schedule, by the converter alone."""
    seen = build_network(build_graph(network))
    tables = Tables(seen, row_fed=row_fed)
    options = Options(MODES[mode], None, row_fed)
    candidates = list(plain_candidates(tables, options, tables.generous_limit()))
    path = next(Solver(len(seen.layers), candidates).pareto())
    stages = tuple(candidate.build(seen) for candidate in path.candidates)
    return path.peak, evaluate(seen, Schedule(stages, row_fed=row_fed))


def whole_optimizer(count: int, *, row_fed: bool) -> Json:
    """What `tflm-mcunet convert` would give, which also looks at recomputing."""
    chosen = networks(count, SEED + 2)
    exact = CostModel(row_fed=row_fed).exact(chosen)
    peaks = [
        optimize(build_graph(network), Goal(row_fed=row_fed)).best.peak
        for network in tqdm(chosen, desc="whole optimizer")
    ]
    equal = sum(cost.sram_bytes == peak for cost, peak in zip(exact, peaks, strict=True))
    return {"row_fed": row_fed, "networks": count, "equal_peaks": equal}


if __name__ == "__main__":
    main()
