# SPDX-License-Identifier: Apache-2.0
"""What the seed of training does to the networks of `zoo.recipes.anomaly_fan`.

    python -m zoo.recipes.fan_seeds --data ../shared/data

A difference between networks counts only if it is larger. Float networks; can be stopped and
started again. Writes benchmarks/results/fan_seeds.json and .md.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

import numpy as np

from benchmarks import checkpoint, results
from benchmarks.models import add_data_option
from benchmarks.results import Json, markdown, provenance_text
from tflm_converters.errors import ConversionError
from tflm_mcunet import tasks
from tflm_mcunet.report.text import Table
from tflm_mcunet.tasks import Dataset
from tflm_mcunet.zoo.evaluation import area_under_curve
from zoo.recipes import autoencoders
from zoo.recipes.anomaly_fan import CANDIDATES, Candidate, features

SEEDS = (1, 2, 3, 4)
SPLITS = ("val", "test")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    options = parser.parse_args()
    figures = results.provenance("zoo.recipes.fan_seeds", packages=("tensorflow",))
    try:
        blocks = tasks.load(options.data / "anomaly", "anomaly")
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    figures["networks"] = measure(blocks)
    results.write("fan_seeds", figures, page)
    return 0


def measure(blocks: Dataset) -> Json:
    """The AUC of each split for each seed, by network."""
    items = {f"{name}, {seed}": (CANDIDATES[name], seed) for name in CANDIDATES for seed in SEEDS}
    found = checkpoint.run("fan-seeds", items, lambda item: areas(*items[item], blocks))
    return {name: [found[f"{name}, {seed}"] for seed in SEEDS] for name in CANDIDATES}


def areas(candidate: Candidate, seed: int, blocks: Dataset) -> Json:
    """The AUC of each split, of a network trained with this seed."""
    how = dataclasses.replace(candidate.training, seed=seed)
    network, variances = autoencoders.train(candidate.make, features(blocks.train), how)
    found: Json = {}
    for split in SPLITS:
        examples = blocks.splits[split]
        given = features(examples)
        errors = np.square(network(given).numpy() - given) / variances
        found[split] = area_under_curve(errors.mean(1), examples.y == 1)
    return found


def page(figures: Json) -> str:
    """The whole page."""
    parts = [
        "# anomaly-fan: seeds",
        provenance_text(figures),
        "AUC of float networks, mean and standard deviation over seeds of weights, order and "
        "noise. The validation split, by which networks were chosen, is nearer in time to the "
        "training split than the test split is.",
        markdown(_table(figures["networks"])),
    ]
    return "\n\n".join(parts) + "\n"


def _table(networks: Json) -> Table:
    rows = (
        (name, str(len(runs)), *(_spread([run[split] for run in runs]) for split in SPLITS))
        for name, runs in networks.items()
    )
    return Table(("<network", "seeds", *SPLITS), tuple(rows))


def _spread(areas: list[float]) -> str:
    return f"{np.mean(areas):.3f} ± {np.std(areas):.3f}"


if __name__ == "__main__":
    sys.exit(main())
