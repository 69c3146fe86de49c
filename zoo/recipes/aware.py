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

from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError
from tflm_mcunet import quantization_report
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.files import staged
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.learning import representative
from tflm_mcunet.search.material import Batches, Material
from tflm_mcunet.trainable import trainable
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, read_json
from zoo.recipes import person_networks
from zoo.recipes.cards import MODELS
from zoo.recipes.entry_files import write_json
from zoo.recipes.keyword_tasks import SHARED, WORDS
from zoo.recipes.person_networks import SIZES, TEACHER

PTQ, QAT, FLOAT = "int8-ptq", "int8-qat", "fp32"

FACTS = "facts.json"

EPOCHS, RATE = 8, 3e-4
CLEARLY = 0.005
"""Share of right answers; less is chance in so few examples."""


def aware(ptq: bytes, made: Material, *, progress: bool = True) -> bytes:
    """An int8 network, trained on aware of quantization.

    Args:
        ptq: content of the `.tflite` file, quantized after training.
        made: what it learns from.
        progress: whether to show a bar on stderr.
    """
    network = trainable(ptq)
    size: Size = network.input_shape[1:3]
    return quantize(
        network,
        representative(made.evaluation("calibration", size)),
        qat=lambda epoch: made.train(epoch, size),
        epochs=EPOCHS,
        learning_rate=RATE,
        progress=progress,
    )


def better(validation: dict[str, float]) -> str:
    """The variant to release: the one trained aware of it only if it is clearly better."""
    return QAT if validation[QAT] > validation[PTQ] + CLEARLY else PTQ


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*SIZES, *(f"{task}-{size}" for task in SHARED for size in ("s", "m"))]
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
        made = words.material(data / words.folder, LogMelConfig())
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
    entry = read_json(home / ENTRY) | {"quantization": QAT}
    with staged(home) as stage:
        (stage / ORIGINAL).write_bytes((build / name / f"{QAT}.tflite").read_bytes())
        write_json(stage / ENTRY, entry)
    print(f"{name}: {QAT}; python -m zoo.recipes.evaluate {name}", file=sys.stderr)


def accuracy(content: bytes, examples: Batches) -> float:
    """Of an int8 network: the share of right answers."""
    answers = [
        (quantization_report.predict(content, inputs).argmax(axis=1), labels)
        for inputs, labels in examples
    ]
    right = sum(int((given == labels).sum()) for given, labels in answers)
    return right / sum(len(labels) for _, labels in answers)


if __name__ == "__main__":
    sys.exit(main())
