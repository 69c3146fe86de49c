# SPDX-License-Identifier: Apache-2.0
"""Makes the keyword models: searches their networks, quantizes them, chooses their detectors.

    python -m zoo.recipes.keywords kws-ar-s --data ../shared/data

Writes `model.tflite` and `entry.json` of each model named, all by default, and MLPerf Tiny's
network for keywords, trained on the same clips, into a folder for `zoo.recipes.comparison`. Can be
stopped and started again: nothing is searched, trained or listened to twice.

    python -m zoo.recipes.keywords kws-commands-s --clips tfds:speech_commands

makes a model for the ten words of the public Speech Commands, which have to be there, or for those
of tensorflow-datasets, which fetches them; without noise to listen to it gets no detector.

A detector is asked as often as a board of 64 MHz can compute the network: that needs the cross
compiler and the emulator, see `make emulator`.

Networks, quantization and detectors are chosen by the validation split; the test split plays no
part here.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.conversion import convert
from tflm_mcunet.files import staged
from tflm_mcunet.zoo.entry import read_json
from zoo.recipes import (
    baselines,
    int8_variants,
    keyword_int8,
    keyword_listening,
    keyword_pace,
    keyword_search,
    keyword_streams,
)
from zoo.recipes import keyword_entries as entries
from zoo.recipes.cards import MODELS
from zoo.recipes.comparison import BASELINES
from zoo.recipes.entry_files import front_end_for, write_entry, write_json
from zoo.recipes.keyword_search import SIZES
from zoo.recipes.keyword_tasks import SHARED, WORDS

NAMES = tuple(f"{task}-{size}" for task in WORDS for size in SIZES)
DEFAULT = tuple(f"{task}-{size}" for task in SHARED for size in SIZES)
REFERENCE = "mlperf-ds-cnn"
FRONT_END = LogMelConfig()
REFERENCE_FRONT_END = LogMelConfig(bins=10)
"""As many values in a frame as MLPerf Tiny's network for keywords takes."""

FACTS, LISTENING = "facts.json", "listening.json"

Json = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help=f"of {', '.join(NAMES)}; default: all of {', '.join(SHARED)}",
    )
    add_data_option(parser)
    parser.add_argument(
        "--clips",
        metavar="SOURCE",
        help="folder of the clips, or tfds: and a name; default: kws, or speech_commands, in the "
        "folder of all data sets",
    )
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build") / "keywords",
        metavar="DIR",
        help="folder for searches and trained networks; default: %(default)s",
    )
    options = parser.parse_args()
    if unknown := sorted(set(options.models) - set(NAMES)):
        parser.error(f"expected models among {', '.join(NAMES)}; got {', '.join(unknown)}")
    try:
        for name in options.models or DEFAULT:
            folder = WORDS[name.rpartition("-")[0]].folder
            make(name, Path(options.clips or options.data / folder), options.build)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def make(name: str, clips: Path, build: Path) -> None:
    """Makes a model and its reference, as far as they are not there yet.

    Raises:
        ConversionError: the data are not there, or a folder cannot be written.
    """
    task, _, size = name.rpartition("-")
    own, others = build / name, build / task / REFERENCE
    found = keyword_search.find(task, size, clips, build)
    facts = make_int8(own, task, clips, found.best.model)
    listening = listen(own, facts, task, clips)
    write(MODELS / name, own, facts, entries.model(name, facts, listening))
    reference_facts = make_reference(others, task, clips)
    write(
        BASELINES / name / REFERENCE,
        others,
        reference_facts,
        entries.reference(REFERENCE, task, reference_facts),
    )


def make_int8(folder: Path, task: str, clips: Path, network: Any) -> Json:
    """Quantizes a network that a search has found; facts about it."""
    return int8(folder, task, clips, FRONT_END, digest_of(network.get_weights()), lambda: network)


def make_reference(folder: Path, task: str, clips: Path) -> Json:
    """MLPerf Tiny's network, trained for as many epochs as a model of the zoo; its facts."""
    made = WORDS[task].material(clips, REFERENCE_FRONT_END, negatives=False)
    epochs = WORDS[task].effort.epochs + WORDS[task].effort.fine_tuning
    size = REFERENCE_FRONT_END.frames(REFERENCE_FRONT_END.rate), REFERENCE_FRONT_END.bins
    validation = [inputs for inputs, _ in made.evaluation("val", size)]
    return int8(
        folder,
        task,
        clips,
        REFERENCE_FRONT_END,
        digest_of([*validation, np.array([epochs, baselines.RATE])]),
        lambda: keyword_int8.reference(made, size, epochs, folder / "training"),
    )


def int8(
    folder: Path,
    task: str,
    clips: Path,
    front_end: LogMelConfig,
    made_from: str,
    network: Callable[[], Any],
) -> Json:
    """Writes the variants of a network into its folder; facts about them.

    A network whose words have negatives learns them first.
    """
    words = WORDS[task]

    def make(stage: Path) -> Json:
        made = words.material(clips, front_end)
        trained = network()
        if words.negatives is not None:
            trained = keyword_int8.taught(
                trained,
                made,
                folder / f"taught-{made_from[:12]}",
                epochs=words.negatives.epochs,
                learning_rate=words.negatives.learning_rate,
            )
        variants = keyword_int8.quantized(trained, made)
        for variant, content in variants.files.items():
            (stage / f"{variant}.tflite").write_bytes(content)
        return {
            "chosen": variants.chosen,
            "validation": variants.validation,
            "classes": list(made.classes),
            "config": front_end_for(variants.files[variants.chosen], front_end).to_json(),
        }

    return once(folder, FACTS, f"{made_from}, {words.negatives}", make)


def listen(folder: Path, facts: Json, task: str, clips: Path) -> Json:
    """Chooses the detector by the streams of the validation split; facts about it."""
    if not WORDS[task].load(clips).noise:
        return {"listening": None}
    model = folder / f"{facts['chosen']}.tflite"
    front_end = LogMelConfig.from_json(facts["config"])
    rows = front_end.frames(front_end.rate)

    def make(stage: Path) -> Json:
        converted = convert(model, samples=0, row_fed=True).model
        new_rows = keyword_pace.rows_between(keyword_pace.inference_ms(converted), front_end)
        streams = [
            keyword_streams.with_keywords(task, clips, "val"),
            *keyword_streams.without_keywords(task, clips, "val").values(),
        ]
        keywords, *others = (
            keyword_listening.listen(converted, front_end, stream, rows=rows, new_rows=new_rows)
            for stream in streams
        )
        listening, *heard = keyword_listening.choose(
            facts["classes"],
            keywords,
            others,
            new_rows=new_rows,
            row_seconds=front_end.hop / front_end.rate,
            most_per_hour=WORDS[task].most_per_hour,
        )
        named = zip(("keywords", "others"), map(dataclasses.asdict, heard), strict=True)
        return {"listening": listening.to_json(), "validation": dict(named)}

    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    made_from = f"{digest}, {WORDS[task]}, {keyword_listening.CHOICE}"
    return once(folder, LISTENING, made_from, make)


def digest_of(arrays: Iterable[np.ndarray]) -> str:
    """Of what something is made from, and of how it is quantized."""
    digest = hashlib.sha256(int8_variants.training().encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def once(folder: Path, file: str, made_from: str, make: Callable[[Path], Json]) -> Json:
    """What `make` gives, from the file in the folder if it was made from the same."""
    path = folder / file
    if path.is_file() and (known := read_json(path))["made_from"] == made_from:
        return known
    with staged(folder) as stage:
        facts = make(stage) | {"made_from": made_from}
        write_json(stage / file, facts)
    return facts


def write(home: Path, folder: Path, facts: Json, entry: Json) -> None:
    """An entry of a zoo, to be sealed."""
    write_entry(home, (folder / f"{facts['chosen']}.tflite").read_bytes(), entry)


if __name__ == "__main__":
    sys.exit(main())
