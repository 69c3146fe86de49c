# SPDX-License-Identifier: Apache-2.0
"""Bit-identical or not: converted models against the originals in TFLite-Micro.

    python -m benchmarks.parity --data ../shared/data

Takes hours. It can be stopped and started again: what is done is kept as long as no source
changes. Writes results/parity.json and results/parity.md; exit status 1 if a byte differs.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections import Counter
from collections.abc import Iterable

from benchmarks import checkpoint, parity_models, parity_page, parity_random, results
from benchmarks.models import add_data_option, data_files
from benchmarks.results import Json
from tflm_mcunet.host_process import HostProcess

SAMPLES_PER_NETWORK = 6
TIMEOUT = 600.0  # seconds for a few inferences of the largest model on a busy machine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--samples", type=int, default=100, help="inputs of each real model")
    parser.add_argument("--networks", type=int, default=2000, help="random networks")
    options = parser.parse_args()
    figures = results.provenance("benchmarks.parity")
    with HostProcess(timeout=TIMEOUT) as host:
        figures["random"] = _random(options.networks, host)
        figures["models"] = _models(options, host)
    results.write("parity", figures, parity_page.page)
    failures = parity_page.failures(figures)
    print("\n".join(failures) or "No byte differs.")
    return 1 if failures else 0


def _models(options: argparse.Namespace, host: HostProcess) -> dict[str, Json]:
    files = {path.stem: path for path in data_files(options.data)}
    compare = functools.partial(parity_models.compare, samples=options.samples, host=host)
    name = f"models-{options.samples}"
    return checkpoint.run(name, files, lambda stem: compare(files[stem]))


def _random(networks: int, host: HostProcess) -> Json:
    compare = functools.partial(parity_random.compare, samples=SAMPLES_PER_NETWORK, host=host)
    done = checkpoint.run("networks", map(str, range(networks)), lambda seed: compare(int(seed)))
    return {
        "networks": networks,
        "samples": SAMPLES_PER_NETWORK,
        "modes": {mode: _total(done.values(), mode) for mode in parity_random.MODES},
        "coverage": _sum(result["coverage"] for result in done.values()),
        "operators": _sum(result["operators"] for result in done.values()),
        "failures": [text for result in done.values() for text in result["failures"]],
    }


def _total(done: Iterable[Json], mode: str) -> Json:
    counts = [result["modes"][mode] for result in done]
    networks = sum(count["schedules"] > 0 for count in counts)
    return {"networks": networks, **_sum(counts)}


def _sum(counts: Iterable[Json]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    sys.exit(main())
