# SPDX-License-Identifier: Apache-2.0
"""Evaluates a model of the zoo: converts it, asks it about its test sets, measures its cost.

    python -m zoo.recipes.evaluate vww-s --data ../shared/data --compare fp32=build/vww-s.tflite

Its folder needs `model.tflite` and `entry.json`; all other files are written here. Can be stopped
and started again. Needs the cross compiler and the emulator, see `make emulator`.

With --cost memory and instructions are measured again, with today's converter and kernels, and what
the model has answered stays: no conversion changes an answer. With --add another variant of the
network is asked, and all else stays. Variants that are known stay while the model is the same, or
was one of them.
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
from tflm_mcunet.zoo.entry import CONVERTED, ORIGINAL, RESULTS, Entry, read_json
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
    parser.add_argument(
        "--add",
        type=variant,
        action="append",
        default=[],
        metavar="NAME=FILE.tflite",
        help="as --compare, and nothing else is asked or measured",
    )
    parser.add_argument("--cost", action="store_true", help="only measure again what it costs")
    options = parser.parse_args()
    if sum(map(bool, (options.cost, options.compare, options.add))) > 1:
        parser.error("expected one of --cost, --add and --compare")
    folder = MODELS / options.model
    try:
        entry, figures = _measured(folder, options)
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


def _measured(folder: Path, options: argparse.Namespace) -> tuple[Entry, Results]:
    """The sealed entry, and its figures as options ask for them."""
    known = _known(folder)
    if known is None and (options.cost or options.add):
        raise ConversionError(
            f"'{folder.name}' has no answers of its model to keep; leave out --cost, and --compare "
            "instead of --add"
        )
    entry = seal(folder)
    if known is None:
        return entry, evaluate_entry(entry, options.data, dict(options.compare))
    if options.cost:
        return entry, with_cost(entry, known)
    if options.add:
        return entry, with_variants(entry, known, options.data, dict(options.add))
    figures = evaluate_entry(entry, options.data, dict(options.compare))
    return entry, with_known_variants(figures, known)


def _known(folder: Path) -> Results | None:
    """The figures of the folder's model; None if another network was asked.

    Which one `results.json` says itself: a run may have been stopped after the entry was sealed.
    """
    if not (folder / RESULTS).is_file():
        return None
    asked = read_json(folder / RESULTS)["sha256"]
    known = Results.read(dataclasses.replace(Entry.read(folder), sha256=asked))
    digest = hashlib.sha256((folder / ORIGINAL).read_bytes()).hexdigest()
    if known is None or digest == asked[ORIGINAL]:
        return known
    return _with_other_model(known, asked[ORIGINAL], digest)


def _with_other_model(known: Results, old: str, new: str) -> Results | None:
    """Known figures, if a variant has become the model, and the model a variant; by digests."""
    chosen = [name for name, file in known.variants.items() if file["sha256"] == new]
    if not chosen:
        return None
    variants = {name: file for name, file in known.variants.items() if name not in chosen}
    (earlier,) = set(next(iter(known.sets.values()))) - set(known.variants)
    asked = known.made.get("answers_commit", known.made["commit"])
    variants[earlier] = {"file": f"{earlier}.tflite", "sha256": old, "commit": asked}
    return dataclasses.replace(known, variants=variants)


def evaluate_entry(entry: Entry, data: Path, compare: dict[str, Path]) -> Results:
    """All figures of an entry and of other variants of its network, int8 or float32.

    Raises:
        ConversionError: a file or a test set is not there, or does not suit the entry.
    """
    own = {entry.quantization: entry.content(CONVERTED)}
    others = {name: path.read_bytes() for name, path in compare.items()}
    made = results.provenance("zoo.recipes.evaluate")
    return Results(
        made,
        _answers(entry, own | others, data),
        _files(compare, made["commit"]),
        *hardware.measure(entry.folder / ORIGINAL, entry.conversion),
        keyword_alarms.measure(entry, data),
    )


def _files(variants: dict[str, Path], commit: str) -> dict[str, Json]:
    return {v: results.file_facts(path) | {"commit": commit} for v, path in variants.items()}


def with_variants(entry: Entry, known: Results, data: Path, variants: dict[str, Path]) -> Results:
    """Known figures, and what other variants of the network answer.

    Raises:
        ConversionError: as `evaluate_entry` does.
    """
    answers = _answers(entry, {name: path.read_bytes() for name, path in variants.items()}, data)
    files = _files(variants, results.provenance("zoo.recipes.evaluate")["commit"])
    return dataclasses.replace(
        known,
        sets={name: of_set | answers[name] for name, of_set in known.sets.items()},
        variants=known.variants | files,
    )


def with_known_variants(figures: Results, known: Results) -> Results:
    """Figures, and known ones of variants that were not asked again; of the same model."""
    kept = {name: file for name, file in known.variants.items() if name not in figures.variants}
    return dataclasses.replace(
        figures,
        sets={
            name: of_set | {variant: known.sets[name][variant] for variant in kept}
            for name, of_set in figures.sets.items()
        },
        variants=figures.variants | kept,
    )


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


def _answers(
    entry: Entry, models: dict[str, bytes], data: Path
) -> dict[str, dict[str, Evaluation]]:
    """By test set and variant."""
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
    return {
        name: {v: Evaluation.from_json(done[f"{name}, {v}"]) for v in models}
        for name in entry.test_sets
    }


def _network(entry: Entry, content: bytes) -> Pipeline | FloatNetwork:
    kind = FloatNetwork if is_float(content) else Pipeline
    return kind(make_input(entry.input), content, make_output(entry.output))


if __name__ == "__main__":
    sys.exit(main())
