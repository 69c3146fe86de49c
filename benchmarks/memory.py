# SPDX-License-Identifier: Apache-2.0
"""Peak activation memory of seven models: today's TFLite-Micro, published work, and ours.

    python -m benchmarks.memory --data ../shared/data

Writes results/memory.json and results/memory.md; every figure but the quoted ones is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path

from tqdm import tqdm

from benchmarks import memory_page, results
from benchmarks.bounds import bound_without_recomputation
from benchmarks.models import TABLE_MODELS, BenchmarkModel, add_data_option
from benchmarks.results import Json
from tflm_converters.cost import macs
from tflm_converters.graph import Graph, Kind
from tflm_converters.optimize import peak_holders
from tflm_converters.schedule.network import Network
from tflm_mcunet.arena import arena_use
from tflm_mcunet.conversion import Conversion, convert
from tflm_mcunet.profiling import profile

DEAD_CHANNELS = "dead_channels"
RATIOS = (1.0, 1.1, math.inf)
"""Limits of MACs, relative to those of the layers, for which the least peak is sought."""

REFERENCES = Path(__file__).parent / "references.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument(
        "--samples", type=int, default=10, help="inputs on which outputs are compared"
    )
    options = parser.parse_args()
    figures = results.provenance("benchmarks.memory", packages=("tensorflow", "keras"))
    figures["references"] = references()
    bar = tqdm(TABLE_MODELS, desc="memory")
    figures["models"] = {}
    for model in bar:
        bar.set_postfix_str(model.key)
        figures["models"][model.key] = measure(model, options.data, options.samples)
    results.write("memory", figures, memory_page.page)


def references() -> Json:
    """Figures that are quoted, and the goals."""
    content: Json = json.loads(REFERENCES.read_text(encoding="utf-8"))
    return content


def measure(model: BenchmarkModel, data: Path, samples: int) -> Json:
    """All figures of one model."""
    path = model.file(data)
    before = profile(path)
    return {
        "title": model.title,
        **results.file_facts(path),
        "macs": before.macs,
        "today": {
            "live_bytes": before.peak_bytes,
            "live_at": before.peak_layer.operator,
            "arena": dataclasses.asdict(arena_use(path.read_bytes(), name=path.name)),
        },
        "ours": [
            _converted(path, row_fed=row_fed, ratio=ratio, dead_channels=dead, samples=samples)
            for dead in (True, False)
            for row_fed in (False, True)
            for ratio in RATIOS
        ],
    }


def _converted(
    path: Path, *, row_fed: bool, ratio: float, dead_channels: bool, samples: int
) -> Json:
    """One conversion; outputs are compared for those that the table shows first."""
    is_shown = ratio == 1.0 and dead_channels
    made = convert(
        path,
        row_fed=row_fed,
        max_macs_ratio=ratio,
        disabled_passes=() if dead_channels else (DEAD_CHANNELS,),
        samples=samples if is_shown else 0,
    )
    return {
        "row_fed": row_fed,
        "most_macs_ratio": None if math.isinf(ratio) else ratio,
        "dead_channels": dead_channels,
        **_figures(made, row_fed),
        "front": [[p.peak, p.macs / made.solution.layer_macs] for p in made.front],
    }


def _figures(made: Conversion, row_fed: bool) -> Json:
    best, layer_macs = made.planned, made.solution.layer_macs
    return {
        "peak_bytes": best.peak,
        "lower_bound_bytes": best.lower_bound,
        "macs": best.macs,
        "layer_macs": layer_macs,
        "macs_ratio": best.macs / layer_macs,
        "macs_ratio_to_original": made.macs_ratio,
        "convolution_macs": _convolution_macs(best.network.graph),
        "file_bytes": len(made.model),
        "peak_holders": peak_holders(best.plan),
        "no_recomputation": _bound(best.network, row_fed) if best.macs == layer_macs else None,
        "arena": None if made.arena is None else dataclasses.asdict(made.arena),
        "samples": None if made.parity is None else made.parity.samples,
        "differing_bytes": None if made.parity is None else made.parity.differing_bytes,
    }


def _bound(network: Network, row_fed: bool) -> Json:
    bound = bound_without_recomputation(network, row_fed=row_fed)
    tensors = [list(tensor) for tensor in bound.tensors]
    return {"bytes": bound.bytes, "moment": bound.moment, "tensors": tensors}


def _convolution_macs(graph: Graph) -> int:
    kinds = (Kind.CONV, Kind.DEPTHWISE_CONV)
    return sum(macs(graph, i) for i, op in enumerate(graph.ops) if op.kind in kinds)


if __name__ == "__main__":
    main()
