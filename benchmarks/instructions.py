# SPDX-License-Identifier: Apache-2.0
"""Instructions per inference on an emulated Cortex-M4: ours, and those of others.

    python -m benchmarks.instructions --data ../shared/data

Writes results/instructions.json and results/instructions.md; every figure but the quoted ones
is measured. Needs the cross compiler and the emulator, see `make emulator`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import instructions_page, results
from benchmarks.memory import DEAD_CHANNELS
from benchmarks.models import TABLE_MODELS, BenchmarkModel, add_data_option
from benchmarks.results import Json
from tflm_converters import passes, reader
from tflm_converters.emit.tflite import emit_tflite
from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.grouping import layer_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Schedule, Stage
from tflm_mcunet.benchmark import Benchmark, bench
from tflm_mcunet.conversion import convert
from tflm_mcunet.emulator import Build
from tflm_mcunet.profiling import profile
from tflm_mcunet.verify import verify

MODELS = (
    *TABLE_MODELS,
    BenchmarkModel("ad", "MLPerf Tiny AD (auto-encoder)", "mlperf_tiny/models/ad01_int8.tflite"),
)
LEVELS = ("-O2", "-O3")
SLACK = 2048
"""Bytes above the least peak with which schedules are tried, too."""

Converted = tuple[bytes, Planned]
"""A model's file and the schedule in it."""

REFERENCES = Path(__file__).parent / "instruction_references.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    keys = [model.key for model in MODELS]
    parser.add_argument("--models", nargs="+", choices=keys, default=keys, metavar="KEY")
    parser.add_argument(
        "--samples", type=int, default=2, help="inputs on which outputs are compared"
    )
    options = parser.parse_args()
    figures = results.provenance("benchmarks.instructions")
    figures["references"] = json.loads(REFERENCES.read_text(encoding="utf-8"))
    figures["models"] = {}
    bar = tqdm([model for model in MODELS if model.key in options.models], desc="instructions")
    for model in bar:
        bar.set_postfix_str(model.key)
        figures["models"][model.key] = measure(model, options.data, options.samples)
    results.write("instructions", figures, instructions_page.page)


def measure(model: BenchmarkModel, data: Path, samples: int) -> Json:
    """All figures of one model."""
    path = model.file(data)
    return {
        "title": model.title,
        **results.file_facts(path),
        "macs": profile(path).macs,
        "variants": {
            name: _variant(path, converted, samples) for name, converted in _variants(path)
        },
    }


# ---- Schedules ---------------------------------------------------------------------------------


def _variants(path: Path) -> Iterator[tuple[str, Converted]]:
    yield "layers, all channels", _layer_by_layer(path, disabled=(DEAD_CHANNELS,))
    yield "layers", _layer_by_layer(path)
    yield "layers, least SRAM", _solved(path, mode="layer")
    yield "streamed", _solved(path, mode="stream")
    yield "streamed, slack", _solved(path, mode="stream", tile_slack=SLACK)
    yield "row-fed", _solved(path, mode="stream", row_fed=True)
    yield "row-fed, slack", _solved(path, mode="stream", row_fed=True, tile_slack=SLACK)


def _layer_by_layer(path: Path, *, disabled: Collection[str] = ()) -> Converted:
    """One whole layer after the other, as engines with a fixed schedule do."""
    network = build_network(passes.run(reader.read(path), disabled=disabled).graph)
    layers = range(len(network.layers))
    stages = tuple(_whole(network, layer_stage(network, layer)) for layer in layers)
    planned = evaluate(network, Schedule(stages))
    return emit_tflite(network, planned.schedule, planned.layout, planned.plan), planned


def _whole(network: Network, stage: Stage) -> Stage:
    (group,) = stage.groups
    extent = group_extent(network, group)
    whole = dataclasses.replace(group, tile_rows=extent.height, tile_cols=extent.width)
    return dataclasses.replace(stage, groups=(whole,))


def _solved(path: Path, **options: Any) -> Converted:
    """The schedule of least SRAM."""
    made = convert(path, samples=0, **options)
    return made.model, made.planned


# ---- Figures -----------------------------------------------------------------------------------


def _variant(path: Path, converted: Converted, samples: int) -> Json:
    """A converted model, compared with its original on the host, then on the emulated core."""
    model, planned = converted
    on_host = verify(path.read_bytes(), model, samples=samples)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "converted.tflite"
        file.write_bytes(model)
        measured = {level: bench(file, build=Build(level), samples=samples) for level in LEVELS}
    best = min(measured, key=lambda level: measured[level].instructions or 0)
    return {
        "macs": planned.macs,
        "plan_bytes": planned.peak,
        "optimization": best,
        "differing_bytes": sum(m.differing_bytes for m in (on_host, *measured.values())),
        "spoiled_bytes": sum(m.spoiled_bytes or 0 for m in measured.values()),
        "levels": {level: _sizes(m) for level, m in measured.items()},
        **_sizes(measured[best]),
        "layers": [dataclasses.asdict(layer) for layer in measured[best].layers],
    }


def _sizes(measured: Benchmark) -> Json:
    names = ("instructions", "sram_bytes", "stack_bytes", "code_bytes", "flash_bytes")
    return {name: getattr(measured, name) for name in names}


if __name__ == "__main__":
    main()
