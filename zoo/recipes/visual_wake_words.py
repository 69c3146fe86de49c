# SPDX-License-Identifier: Apache-2.0
"""Makes vww-xs, vww-s and vww-m: is there a person in the photo?

    python -m zoo.recipes.visual_wake_words --data ../shared/data

Writes `model.tflite` and `entry.json` of each model, and MLPerf Tiny's network, trained on the
same, into a folder for `zoo.recipes.comparison`. What is trained already is not trained again, and
what was interrupted goes on: see `zoo.recipes.person_networks`.

Networks are trained on the training split, and chosen by the validation split, of the photos.
The test split and MLPerf Tiny's accuracy set play no part here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError
from tflm_mcunet import quantization_report
from tflm_mcunet.files import staged
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search import learning
from tflm_mcunet.tasks.files import table
from tflm_mcunet.zoo.entry import ENTRY, ORIGINAL, read_json
from zoo.recipes import person_networks, tflite_files
from zoo.recipes.cards import MODELS
from zoo.recipes.comparison import BASELINES
from zoo.recipes.person_networks import REFERENCE, SIZES, Run

TEACHER = Path("mlperf_tiny") / "models" / "vww_96_float.tflite"
ACCURACY_SET = Path("mlperf_tiny") / "vww01_labels.csv"

FLOAT, FACTS = "fp32.tflite", "facts.json"

Json = dict[str, Any]


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
        default=[*SIZES, REFERENCE],
        help=f"of {', '.join((*SIZES, REFERENCE))}; default: all",
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
        print(
            f"{name}: validation split, float32 {facts['float32']:.1%}, int8 {facts['int8']:.1%}",
            file=sys.stderr,
        )
        for home in homes(name):
            with staged(home) as stage:
                (stage / ORIGINAL).write_bytes((folder / ORIGINAL).read_bytes())
                write_json(stage / ENTRY, entry(name, facts))


def is_made(folder: Path, name: str, run: Run) -> bool:
    """Whether its network was trained so."""
    path = folder / FACTS
    return path.is_file() and read_json(path)["settings"] == run.settings(name)


def homes(name: str) -> list[Path]:
    """Where a model belongs: in the zoo, or beside each of its models."""
    return [BASELINES / size / name for size in SIZES] if name == REFERENCE else [MODELS / name]


def accuracy_set(labels: Path) -> set[int]:
    """Numbers of the photos that MLPerf Tiny takes from COCO, which are never trained on."""
    return {int(Path(row["file"]).stem) for row in table(labels, ("file",))}


def make(folder: Path, name: str, run: Run) -> None:
    """Trains a network and quantizes it; writes two models and facts."""
    network = run.reference() if name == REFERENCE else run.network(name)
    size = network.input_shape[1:3]
    int8 = quantize(network, learning.representative(run.made.evaluation("calibration", size)))
    (folder / ORIGINAL).write_bytes(int8)
    (folder / FLOAT).write_bytes(tflite_files.float_file(network))
    compared = quantization_report.compare(network, int8, run.made.evaluation("val", size))
    facts: Json = {
        "float32": compared.float32,
        "int8": compared.ptq,
        "side": size[0],
        "classes": list(run.made.classes),
        "settings": run.settings(name),
    }
    if name != REFERENCE:
        facts["network"] = str(run.best(name).architecture)
    write_json(folder / FACTS, facts)


def entry(name: str, facts: Json) -> Json:
    """What `entry.json` holds; digests follow when it is sealed."""
    return {
        "name": name,
        "version": "1.0",
        "task": "visual wake words",
        "title": title(name, facts),
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
        "quantization": "int8-ptq",
        "conversion": {"row_fed": True},
        **_TEXTS,
        "recipe": f"python -m zoo.recipes.visual_wake_words --data ../shared/data {name}",
        "test_sets": ["vww01", "vww"],
        "sha256": {},
    }


def title(name: str, facts: Json) -> str:
    if name == REFERENCE:
        return "MLPerf Tiny's MobileNetV1 0.25, trained on the same photos and by the same teacher"
    return f"Person or no person in a photo; {facts['network']}"


_TEXTS: Json = {
    "data": [
        {
            "name": "Person / no-person photographs: voc2012, lspet, cctv, imagenet_samples, coco, "
            "houses, animal_pose, grocery",
            "licence": "of many owners; of most photos none is stated. None of them is in this zoo",
            "use": "training, choice of the networks by the validation split, test",
        },
        {
            "name": "MLPerf Tiny's vww_96_float.tflite",
            "licence": "Apache 2.0",
            "use": "teacher: what is learned of a crop is mostly what this network says of it",
        },
        {
            "name": "MLPerf Tiny's accuracy set vww01, 900 photos of COCO",
            "licence": "photos are their authors'; repository Apache 2.0",
            "use": "test alone",
        },
    ],
    "weights_licence": "Apache-2.0",
    "splits": "",
    "intended_use": "",
    "limits": "",
}


def write_json(path: Path, content: Json) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
