# SPDX-License-Identifier: Apache-2.0
"""Bit-identical or not on the emulated Cortex-M4: models against TFLite-Micro.

    python -m benchmarks.emulated_parity --data ../shared/data

Takes an hour or more. It can be stopped and started again: what is done is kept as long as no
source changes. Writes results/emulated_parity.json and results/emulated_parity.md; exit status
1 if a byte differs, or was written where nothing may write.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import checkpoint, results
from benchmarks.models import add_data_option, data_files
from benchmarks.results import Json, markdown, provenance_text
from tests.networks import random_network
from tflm_converters import writer
from tflm_converters.errors import ConversionError
from tflm_mcunet.benchmark import bench
from tflm_mcunet.report.text import Table

WAYS: dict[str, dict[str, Any]] = {
    "layer": {"mode": "layer"},
    "stream": {"mode": "stream"},
    "row-fed": {"mode": "stream", "row_fed": True},
}
"""Options of `bench`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--samples", type=int, default=20, help="inputs of each model")
    parser.add_argument("--networks", type=int, default=200, help="random networks")
    options = parser.parse_args()
    figures = results.provenance("benchmarks.emulated_parity")
    figures["samples"] = options.samples
    files = {str(path.relative_to(options.data)): path for path in data_files(options.data)}
    figures["models"] = checkpoint.run(
        f"emulated-models-{options.samples}",
        files,
        lambda name: _compare(files[name], options.samples),
    )
    figures["networks"] = checkpoint.run(
        f"emulated-networks-{options.samples}",
        map(str, range(options.networks)),
        lambda seed: _compare_network(int(seed), options.samples),
    )
    results.write("emulated_parity", figures, page)
    failures = list(_failures(figures))
    print("\n".join(failures) or "No byte differs.")
    return 1 if failures else 0


def _compare_network(seed: int, samples: int) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"network_{seed}.tflite"
        path.write_bytes(writer.write(random_network(seed)))
        return _compare(path, samples)


def _compare(path: Path, samples: int) -> Json:
    """For each way to run, figures or why the model is refused."""
    return {name: _run(path, samples, way) for name, way in WAYS.items()}


def _run(path: Path, samples: int, way: dict[str, Any]) -> Json:
    try:
        made = bench(path, samples=samples, **way)
    except ConversionError as error:
        return {"refused": str(error)}
    names = ("samples", "differing_bytes", "spoiled_bytes", "sram_bytes", "stack_bytes")
    return {name: getattr(made, name) for name in names}


def _failures(figures: Json) -> Iterator[str]:
    for name, runs in (figures["models"] | figures["networks"]).items():
        for way, run in runs.items():
            if "refused" not in run and (run["differing_bytes"] or run["spoiled_bytes"]):
                yield (
                    f"{name}, {way}: {run['differing_bytes']} bytes differ, "
                    f"{run['spoiled_bytes']} are spoiled"
                )


# ---- The page ----------------------------------------------------------------------------------

_ABOUT = """\
Outputs on the emulated core against TensorFlow Lite Micro's reference kernels, {samples} inputs
each. Spoiled are the guard bytes around the arena, and the bytes in it that no buffer owns, which
hold random values before each inference."""


def page(figures: Json) -> str:
    """The whole page."""
    return (
        "\n\n".join(
            [
                "# Parity on the emulated Cortex-M4",
                provenance_text(figures),
                _ABOUT.format(samples=figures["samples"]),
                markdown(_totals(figures)),
                "## Models that are refused",
                "\n".join(_refusals(figures["models"])),
            ]
        )
        + "\n"
    )


def _totals(figures: Json) -> Table:
    rows = []
    for title, part in (("real", "models"), ("random", "networks")):
        for way in WAYS:
            runs = [runs[way] for runs in figures[part].values() if "refused" not in runs[way]]
            names = ("differing_bytes", "spoiled_bytes")
            sums = (f"{sum(run[name] for run in runs):,}" for name in names)
            stack = max((run["stack_bytes"] for run in runs), default=0)
            rows.append((title, way, f"{len(runs)} of {len(figures[part])}", *sums, f"{stack:,}"))
    headers = ("<models", "<schedule", "run", "differing bytes", "spoiled bytes", "most stack, B")
    return Table(headers, tuple(rows))


def _refusals(models: Json) -> Iterator[str]:
    for name, runs in models.items():
        reasons = {way: run["refused"] for way, run in runs.items() if "refused" in run}
        for reason in dict.fromkeys(reasons.values()):
            ways = ", ".join(way for way, text in reasons.items() if text == reason)
            yield f"* `{name}`, {ways}: {reason}"


if __name__ == "__main__":
    sys.exit(main())
