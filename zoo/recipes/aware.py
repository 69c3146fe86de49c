# SPDX-License-Identifier: Apache-2.0
"""Trains the zoo's networks aware of quantization, from the weights that they have in int8.

    python -m zoo.recipes.aware vww-s kws-wake-s --data ../shared/data

does it to released models, of photos or of keywords, whose `model.tflite` was quantized after
training, and writes `int8-qat.tflite` into a folder for each of them, for

    python -m zoo.recipes.evaluate vww-s --add int8-qat=build/aware/vww-s/int8-qat.tflite

With --release a model of photos is replaced by that file if the validation split says so, to be
evaluated again; one of keywords needs its recipe, since its detector has to be chosen again, too.
The recipes of these models do the same to what they have just trained.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError
from tflm_mcunet import quantization_report
from tflm_mcunet.files import staged
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.material import Batches
from tflm_mcunet.trainable import trainable
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, read_json
from zoo.recipes import keywords, person_networks, visual_wake_words
from zoo.recipes.cards import MODELS
from zoo.recipes.entry_files import write_json
from zoo.recipes.int8_variants import PTQ, QAT, aware, better
from zoo.recipes.keyword_tasks import WORDS
from zoo.recipes.person_networks import SIZES, TEACHER

FACTS = "facts.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*SIZES, *keywords.DEFAULT]
    parser.add_argument("models", nargs="+", choices=names, metavar="MODEL", help=", ".join(names))
    add_data_option(parser)
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build") / "aware",
        metavar="DIR",
        help="folder for what is trained; default: %(default)s",
    )
    parser.add_argument(
        "--release", action="store_true", help="replace the models by what was trained before"
    )
    options = parser.parse_args()
    if options.release and (others := sorted(set(options.models) - set(SIZES))):
        parser.error(f"--release: {', '.join(others)}: use python -m zoo.recipes.keywords")
    try:
        for name in options.models:
            if options.release:
                release(name, options.build)
            else:
                make(name, options.data, options.build)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def make(name: str, data: Path, build: Path) -> None:
    """Trains a released model on, and says what the validation split thinks of it.

    Raises:
        ConversionError: the data are not there, or the folder cannot be written.
    """
    if name in SIZES:
        made = person_networks.open_run(build / "photos", data / "vww", data / TEACHER).taught()
    else:
        words = WORDS[name.rpartition("-")[0]]
        made = words.material(data / words.folder, keywords.FRONT_END)
    ptq = (MODELS / name / ORIGINAL).read_bytes()
    size: Size = trainable(ptq).input_shape[1:3]
    qat, validation = aware(ptq, made), made.evaluation("val", size)
    found = {PTQ: accuracy(ptq, validation), QAT: accuracy(qat, validation)}
    with staged(build / name) as stage:
        (stage / f"{QAT}.tflite").write_bytes(qat)
        write_json(stage / FACTS, {"chosen": better(found), "validation": found})
    shares = ", ".join(f"{variant} {share:.2%}" for variant, share in found.items())
    print(f"{name}: validation split, {shares}; to be released: {better(found)}", file=sys.stderr)


def release(name: str, build: Path) -> None:
    """Puts what was trained in the model's place, if that was better.

    Raises:
        ConversionError: nothing was trained.
    """
    if read_json(build / name / FACTS)["chosen"] != QAT:
        print(f"{name}: {PTQ} stays", file=sys.stderr)
        return
    home = MODELS / name
    entry = visual_wake_words.made_aware(read_json(home / ENTRY))
    with staged(home) as stage:
        (stage / ORIGINAL).write_bytes((build / name / f"{QAT}.tflite").read_bytes())
        write_json(stage / ENTRY, entry)
    print(f"{name}: {QAT}; python -m zoo.recipes.evaluate {name}", file=sys.stderr)


def accuracy(content: bytes, examples: Batches) -> float:
    """Of an int8 network: the share of right answers."""
    inputs, labels = (np.concatenate(part) for part in zip(*examples, strict=True))
    return float((quantization_report.predict(content, inputs).argmax(axis=1) == labels).mean())


if __name__ == "__main__":
    sys.exit(main())
