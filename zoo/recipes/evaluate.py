# SPDX-License-Identifier: Apache-2.0
"""Evaluates a model of the zoo: converts it, asks it about its test sets, measures its cost.

    python -m zoo.recipes.evaluate vww-s --data ../shared/data --compare fp32=build/vww-s.tflite

Its folder needs `model.tflite` and `entry.json`; all other files are written here. With --cost
memory and instructions are measured again, with today's converter and kernels, and what the model
has answered stays: no conversion changes an answer. Can be stopped and started again. Needs the
cross compiler and the emulator, see `make emulator`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks import checkpoint, results
from benchmarks.models import add_data_option
from benchmarks.results import Json
from tflm_converters.errors import ConversionError
from tflm_mcunet.zoo.entry import CONVERTED, ORIGINAL, RESULTS, Entry
from tflm_mcunet.zoo.evaluation import Evaluation, evaluate
from tflm_mcunet.zoo.inputs import make_input
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import make_output
from tflm_mcunet.zoo.results import Results
from zoo.recipes import hardware, keyword_alarms, test_sets
from zoo.recipes.cards import MODELS, write_card
from zoo.recipes.float_network import FloatNetwork, is_float
from zoo.recipes.seal import seal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="name of its folder")
    add_data_option(parser)
    parser.add_argument(
        "--compare",
        type=variant,
        action="append",
        default=[],
        metavar="NAME=FILE.tflite",
        help="another variant of the network for the card, such as fp32 or int8-ptq",
    )
    parser.add_argument("--cost", action="store_true", help="only measure again what it costs")
    options = parser.parse_args()
    if options.cost and options.compare:
        parser.error("--cost asks no model; leave out --compare")
    folder = MODELS / options.model
    try:
        known = _known(folder) if options.cost else None
        entry = seal(folder)
        if known is None:
            figures = evaluate_entry(entry, options.data, dict(options.compare))
        else:
            figures = with_cost(entry, known)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    text = json.dumps(figures.to_json(entry), indent=1, ensure_ascii=False) + "\n"
    (folder / RESULTS).write_text(text, encoding="utf-8")
    write_card(folder)
    return 0


def variant(text: str) -> tuple[str, Path]:
    """NAME=FILE"""
    name, separator, file = text.partition("=")
    if not (name and separator and file):
        raise argparse.ArgumentTypeError(f"expected NAME=FILE.tflite, got '{text}'")
    return name, Path(file)


def evaluate_entry(entry: Entry, data: Path, compare: dict[str, Path]) -> Results:
    """All figures of an entry and of other variants of its network, int8 or float32.

    Raises:
        ConversionError: a file or a test set is not there, or does not suit the entry.
    """
    models = {entry.quantization: entry.content(CONVERTED)}
    models |= {name: path.read_bytes() for name, path in compare.items()}
    made = results.provenance("zoo.recipes.evaluate")
    answered = _answers(entry, models, data)
    return Results(
        made,
        {name: {v: answered[f"{name}, {v}"] for v in models} for name in entry.test_sets},
        {name: results.file_facts(path) for name, path in compare.items()},
        *hardware.measure(entry.folder / ORIGINAL, entry.conversion),
        keyword_alarms.measure(entry, data),
    )


def _known(folder: Path) -> Results:
    entry = Entry.read(folder)
    if (known := Results.read(entry)) is None:
        raise ConversionError(f"'{entry.name}' has no answers to keep yet; leave out --cost")
    return known


def with_cost(entry: Entry, known: Results) -> Results:
    """Known answers, and what the entry costs now.

    Raises:
        ConversionError: the model cannot be converted, or its outputs are others than they were.
    """
    original, costs, refused = hardware.measure(entry.folder / ORIGINAL, entry.conversion)
    if differing := sum(cost.differing_bytes for cost in costs.values()):
        raise ConversionError(
            f"{entry.name}: expected the outputs of the original, got {differing} other bytes; its "
            "answers must be asked for again, too: leave out --cost"
        )
    answered = {"answers_commit": known.made.get("answers_commit", known.made["commit"])}
    made = results.provenance("zoo.recipes.evaluate") | answered
    return dataclasses.replace(known, made=made, original=original, costs=costs, refused=refused)


def _answers(entry: Entry, models: dict[str, bytes], data: Path) -> dict[str, Evaluation]:
    """By "test set, variant"."""
    items = {f"{name}, {v}": (name, models[v]) for name in entry.test_sets for v in models}
    load = functools.cache(lambda name: test_sets.load(name, data, make_input(entry.input)))

    def work(item: str) -> Json:
        name, content = items[item]
        network = _network(entry, content)
        labels = network.output.labels
        samples = load(name).labelled_for(labels)
        bar = tqdm(samples, total=len(load(name).samples), desc=item, leave=False)
        return evaluate(network.predict, labels, bar).to_json()

    digest = hashlib.sha256(json.dumps(entry.to_json()).encode() + b"".join(models.values()))
    done = checkpoint.run(f"evaluate-{entry.name}-{digest.hexdigest()[:16]}", items, work)
    return {item: Evaluation.from_json(found) for item, found in done.items()}


def _network(entry: Entry, content: bytes) -> Pipeline | FloatNetwork:
    kind = FloatNetwork if is_float(content) else Pipeline
    return kind(make_input(entry.input), content, make_output(entry.output))


if __name__ == "__main__":
    sys.exit(main())
