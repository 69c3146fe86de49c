# SPDX-License-Identifier: Apache-2.0
"""Compares models of the zoo with others for the same task, above all MLPerf Tiny's.

    python -m zoo.recipes.comparison --data ../shared/data

The others are what recipes have left in `build/baselines/<model of the zoo>/<name>/`: folders with
`model.tflite` and `entry.json`, like those of the zoo; they need not have the same input. Writes
benchmarks/results/zoo_comparison.json and .md; where models are named, the figures of other models
stay as they are, and so do those of networks that these were compared with before and whose folders
are gone. With `--others-of vww-s` those named are compared with the same others as that model,
whose figures are known. Can be stopped and started again. Needs the cross compiler and the
emulator, see `make emulator`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.models import REPOSITORY, add_data_option
from benchmarks.results import Json
from tflm_converters.errors import ConversionError
from tflm_mcunet.zoo.entry import ORIGINAL, Entry
from tflm_mcunet.zoo.results import Results
from zoo.recipes import cards, comparison_page
from zoo.recipes.evaluate import evaluate_entry
from zoo.recipes.seal import seal

BASELINES = REPOSITORY / "build" / "baselines"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of the zoo; default: all")
    parser.add_argument("--others-of", metavar="MODEL", help="whose others are taken, as measured")
    add_data_option(parser)
    options = parser.parse_args()
    if options.others_of and not options.models:
        parser.error("--others-of: expected the names of models to compare with its others")
    figures = results.provenance("zoo.recipes.comparison")
    commit = {"commit": figures["commit"]}
    try:
        known = results.read("zoo_comparison")["models"] if options.models else {}
        made = {}
        for folder in cards.folders():
            if options.models and folder.name not in options.models:
                continue
            if options.others_of:
                found = beside_known(folder, known, options.others_of)
            else:
                found = compare(folder, BASELINES / folder.name, options.data)
                for other in found["others"].values():
                    other |= commit
                found["others"] = known.get(folder.name, {"others": {}})["others"] | found["others"]
            made[folder.name] = found | commit
        figures["models"] = dict(sorted((known | made).items()))
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    results.write("zoo_comparison", figures, comparison_page.page)
    return 0


def compare(folder: Path, others: Path, data: Path) -> Json:
    """The figures of a model of the zoo, and of others for the same task.

    Args:
        folder: of the model, which has been evaluated.
        others: holds a folder for each of the others.
        data: the folder of all data sets.

    Raises:
        ConversionError: there are no others, one has another task, or a model has no results.
    """
    entry, found = _evaluated(folder)
    candidates = sorted(path for path in others.glob("*") if path.is_dir())
    if not candidates:
        raise ConversionError(f"expected networks to compare with in '{others}'; {entry.recipe}")
    figures = {"zoo": summary(entry, found), "others": {}}
    for path in candidates:
        other = seal(path)
        if other.test_sets != entry.test_sets:
            raise ConversionError(
                f"'{path}': expected the test sets of {entry.name}, {', '.join(entry.test_sets)}, "
                f"got {', '.join(other.test_sets)}"
            )
        figures["others"][other.name] = summary(other, evaluate_entry(other, data, {}))
    return figures


def beside_known(folder: Path, known: dict[str, Json], other: str) -> Json:
    """The figures of a model of the zoo, and of what `other` was compared with.

    Raises:
        ConversionError: that was never compared, or has other test sets; or there are no results.
    """
    entry, found = _evaluated(folder)
    if other not in known or set(known[other]["zoo"]["sets"]) != set(entry.test_sets):
        fitting = [name for name in known if set(known[name]["zoo"]["sets"]) == set(found.sets)]
        raise ConversionError(
            f"expected --others-of a model that was compared on {', '.join(entry.test_sets)}, such "
            f"as {', '.join(fitting) or 'none'}; got {other}"
        )
    return {"zoo": summary(entry, found), "others": known[other]["others"]}


def _evaluated(folder: Path) -> tuple[Entry, Results]:
    entry = Entry.read(folder)
    found = Results.read(entry)
    if found is None:
        raise ConversionError(
            f"'{entry.name}' has no results; python -m zoo.recipes.evaluate {entry.name}"
        )
    return entry, found


def summary(entry: Entry, found: Results) -> Json:
    """What is compared, in bytes; `original` is the model before conversion."""
    cost = found.shipped(entry)
    return {
        "title": entry.title,
        "task": entry.task,
        "model": results.file_facts(entry.folder / ORIGINAL),
        "sets": {
            name: {"samples": one.samples, "accuracy": one.accuracy, "auc": one.auc}
            for name, of_set in found.sets.items()
            for one in (of_set[entry.quantization],)
        },
        "original_peak_bytes": found.original.peak_bytes,
        "original_arena_bytes": found.original.tflm_arena_bytes,
        "arena_bytes": cost.tflm_arena_bytes,
        "sram_bytes": cost.sram_bytes + cost.row_bytes,
        "flash_bytes": cost.flash_bytes,
        "macs": cost.macs,
        "instructions": cost.instructions,
        "differing_bytes": cost.differing_bytes,
    }


if __name__ == "__main__":
    sys.exit(main())
