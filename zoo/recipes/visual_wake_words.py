# SPDX-License-Identifier: Apache-2.0
"""Makes vww-xs, vww-s and vww-m: is there a person in the photo?

    python -m zoo.recipes.visual_wake_words --data ../shared/data

Writes `model.tflite` and `entry.json` of each model, and of two networks that are trained on the
same, into a folder for `zoo.recipes.comparison`: MLPerf Tiny's, and MobileNetV2, as wide as the
limits of vww-m and its flash allow. What is trained already is not trained again, and what was
interrupted goes on: see `zoo.recipes.person_networks`.

Networks are trained on the training split, and chosen by the validation split, of the photos.
The test split and MLPerf Tiny's accuracy set play no part here.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import tf_keras

from benchmarks import search_quality_networks as networks
from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError
from tflm_mcunet import quantization_report
from tflm_mcunet.files import staged
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search import learning
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.tasks.files import table
from tflm_mcunet.zoo.entry import ORIGINAL, read_bytes, read_json
from zoo.recipes import baselines, int8_variants, person_networks
from zoo.recipes.cards import MODELS
from zoo.recipes.comparison import BASELINES
from zoo.recipes.entry_files import Json, write_entry, write_json
from zoo.recipes.float_network import float_file
from zoo.recipes.int8_variants import FLOAT, PTQ, QAT
from zoo.recipes.person_networks import (
    AUGMENTATION,
    MOBILENET_V2,
    REFERENCE,
    REFERENCES,
    SIZES,
    TEACHER,
    Run,
)

ACCURACY_SET = Path("mlperf_tiny") / "vww01_labels.csv"

FACTS = "facts.json"

LARGEST = "vww-m"
"""Whose limits MobileNetV2 has, too."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument(
        "--coco",
        type=Path,
        metavar="DIR",
        help="COCO's photos and annotations, to train on the whole of Visual Wake Words instead",
    )
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build") / "vww",
        metavar="DIR",
        help="folder for searches and trained networks; default: %(default)s",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="MODEL",
        default=[*SIZES, *REFERENCES],
        help=f"of {', '.join((*SIZES, *REFERENCES))}; default: all",
    )
    options = parser.parse_args()
    try:
        make_all(options.names, options.data, options.build, coco=options.coco)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def make_all(names: Sequence[str], data: Path, build: Path, *, coco: Path | None = None) -> None:
    """Trains what is not there yet, and writes all entries.

    Raises:
        ConversionError: data are not there, or a folder cannot be written.
    """
    run = person_networks.open_run(
        build,
        coco or data / "vww",
        data / TEACHER,
        excluded=accuracy_set(data / ACCURACY_SET) if coco else (),
    )
    for name in names:
        folder = build / "models" / name
        if not is_made(folder, name, run):
            with staged(folder) as stage:
                make(stage, name, run)
        facts = read_json(folder / FACTS)
        shares = ", ".join(f"{v} {share:.1%}" for v, share in facts["validation"].items())
        print(f"{name}: validation split, {shares}", file=sys.stderr)
        for home in homes(name):
            write_entry(home, (folder / ORIGINAL).read_bytes(), entry(name, facts))


def is_made(folder: Path, name: str, run: Run) -> bool:
    """Whether its network was trained so."""
    path = folder / FACTS
    return path.is_file() and read_json(path)["settings"] == settings(name, run)


def settings(name: str, run: Run) -> str:
    """All that a model depends on besides the data, as text."""
    limits = f", {limits_of_mobilenet_v2()}" if name == MOBILENET_V2 else ""
    return f"{run.settings(name)}, {int8_variants.training()}{limits}"


def limits_of_mobilenet_v2() -> Limits:
    """SRAM and MACs that our largest network might have had, and the flash that it takes.

    Not the SRAM that it takes, which may be too little for any MobileNetV2.

    Raises:
        ZooError: it is not in the zoo yet.
    """
    ours = networks.cost(read_bytes(MODELS / LARGEST / ORIGINAL))
    return dataclasses.replace(SIZES[LARGEST], flash_bytes=ours.flash_bytes)


def homes(name: str) -> list[Path]:
    """Where a model belongs: in the zoo, or beside each of its models."""
    return [BASELINES / size / name for size in SIZES] if name in REFERENCES else [MODELS / name]


def accuracy_set(labels: Path) -> set[int]:
    """Numbers of the photos that MLPerf Tiny takes from COCO, which are never trained on."""
    return {int(Path(row["file"]).stem) for row in table(labels, ("file",))}


def make(folder: Path, name: str, run: Run) -> None:
    """Trains a network and quantizes it; writes its variants, the one chosen, and facts."""
    network = _trained(name, run)
    size = network.input_shape[1:3]
    ptq = quantize(network, learning.representative(run.made.evaluation("calibration", size)))
    qat = int8_variants.aware(ptq, run.taught())
    validation = run.made.evaluation("val", size)
    compared = quantization_report.compare(network, ptq, validation, qat=qat)
    assert compared.qat is not None
    found = {FLOAT: compared.float32, PTQ: compared.ptq, QAT: compared.qat}
    files = {FLOAT: float_file(network), PTQ: ptq, QAT: qat}
    for variant, content in files.items():
        (folder / f"{variant}.tflite").write_bytes(content)
    chosen = int8_variants.better(found)
    (folder / ORIGINAL).write_bytes(files[chosen])
    is_reference = name in REFERENCES
    facts: Json = {
        "validation": found,
        "chosen": chosen,
        "side": size[0],
        "classes": list(run.made.classes),
        "photos": run.made.splits,
        "teacher_share": run.teacher.share,
        "settings": settings(name, run),
        "network": network.name if is_reference else str(run.best(name).architecture),
    }
    write_json(folder / FACTS, facts)


def _trained(name: str, run: Run) -> tf_keras.Model:
    match name:
        case person_networks.REFERENCE:
            return run.reference()
        case person_networks.MOBILENET_V2:
            return run.mobilenet_v2(limits_of_mobilenet_v2())
    return run.network(name)


def entry(name: str, facts: Json) -> Json:
    """What `entry.json` holds; digests follow when it is sealed."""
    return {
        "name": name,
        "version": "1.0",
        "task": "visual wake words",
        "title": title(name, facts["side"]),
        "input": {
            "kind": "image",
            "height": facts["side"],
            "width": facts["side"],
            "channels": 3,
            "scale": 1 / 128,
            "offset": -1.0,
            "fit": "stretch",
        },
        "output": {"kind": "classes", "labels": facts["classes"]},
        "quantization": facts["chosen"],
        "conversion": {"row_fed": True},
        **_TEXTS,
        "splits": splits(name, facts),
        "recipe": f"python -m zoo.recipes.visual_wake_words --data ../shared/data {name}",
        "test_sets": ["vww01", "vww"],
        "sha256": {},
    }


def title(name: str, side: int) -> str:
    trained = (
        "trained on the same crops by the same teacher for "
        f"{person_networks.REFERENCE_EPOCHS} epochs at {baselines.RATE:g}"
    )
    if name == REFERENCE:
        return f"MLPerf Tiny's MobileNetV1 0.25, {trained}"
    if name == MOBILENET_V2:
        return (
            f"MobileNetV2 of {side}x{side} pixels, as wide as the limits of {LARGEST} and its "
            "flash allow, "
            f"{trained}"
        )
    return f"Person or no person in a photo of {side}x{side} pixels"


NETWORK = "The network: "
"""What the description of an architecture stands behind."""

AWARE = (
    f"Then it was trained for {int8_variants.EPOCHS} epochs aware of quantization, which was "
    "better in validation. "
)


def made_aware(entry: Json) -> Json:
    """The entry of a model that was quantized after training, once it was trained aware of it."""
    splits = entry["splits"].replace(NETWORK, f"{AWARE}{NETWORK}")
    return entry | {"quantization": QAT, "splits": splits}


_TEXTS: Json = {
    "data": [
        {
            "name": "Person / no-person photographs: Pascal VOC 2012, Leeds Sports Pose Extended, "
            "surveillance views, ImageNet samples, COCO, houses, animals, groceries",
            "licence": "of many owners, for most photos none is stated; none of them is in the zoo",
            "use": "training, choice of networks by the validation split, test (vww)",
        },
        {
            "name": "MLPerf Tiny's reference model vww_96_float.tflite",
            "licence": "Apache-2.0",
            "use": "teacher: of each crop its answer is learned",
        },
        {
            "name": "MLPerf Tiny's accuracy set vww01: 900 photos of COCO",
            "licence": "the photos are their authors', the repository is Apache-2.0",
            "use": "test alone",
        },
    ],
    "weights_licence": "Apache-2.0",
    "intended_use": (
        "waking up what takes more power, when somebody comes into view: with the OV7675 camera of "
        "the Nano 33 BLE Sense kit, whose sketch `zoo export` brings, or with any picture, "
        "stretched to a square."
    ),
    "limits": (
        "It is wrong as often as vww01 shows; errors by source show on what. It has learned from "
        "few photos, and was never tried on the pictures of the camera itself: judge it with `zoo "
        "eval` on yours before use. Not for safety, not for telling who somebody is."
    ),
}


def training(name: str) -> str:
    """How a network came by its weights."""
    if name in REFERENCES:
        epochs = person_networks.REFERENCE_EPOCHS
        return f"It was trained from scratch for {epochs} epochs at {baselines.RATE:g}."
    alone = person_networks.FINE_TUNING[name]
    return (
        "One supernet was trained for all sizes; for each, the network of highest validation "
        "accuracy under its limits was evolved, and trained by itself for "
        f"{alone} epochs at {person_networks.RATE:g}; "
        f"{person_networks.SUPERNET.epochs + alone} epochs in all."
    )


def splits(name: str, facts: Json) -> str:
    """What was done with the data, and what came of it."""
    photos, share = facts["photos"], facts["teacher_share"]
    return (
        f"Photos are split by scene: {photos['train']:,} for training, {photos['val']:,} for "
        f"validation, {photos['test']:,} for test. Their sources give the label away, as all "
        "sports photos show a person and no kitchen does, so the test split flatters; vww01 is the "
        "judge, which no training photo is in or nearly in. Batches are balanced by class and, "
        "with the square root of their sizes, by source. Crops show "
        f"{AUGMENTATION.area[0]:.0%} to {AUGMENTATION.area[1]:.0%} of a photo; they are flipped, "
        f"their colours are changed, a part is hidden. Of a crop, a network learns {share:.0%} "
        f"what the teacher says of it; the rest is the photo's label. {training(name)} "
        f"{AWARE if facts['chosen'] == QAT else ''}{NETWORK}{facts['network']}"
    )


if __name__ == "__main__":
    sys.exit(main())
