# SPDX-License-Identifier: Apache-2.0
"""Makes anomaly-fan: an auto-encoder that knows how a healthy fan shakes.

    python -m zoo.recipes.anomaly_fan --data ../shared/data

Writes `model.tflite` and `entry.json` of the model, and the networks that it is compared with into
a folder for `zoo.recipes.comparison`. A network that is there already is not trained again.

Weights are trained on normal data of the training split alone, and the threshold is chosen on
normal data of the validation split. Which network, which range of levels, how much noise and how
many epochs was chosen by the AUC of the validation split, which holds anomalies. The test splits
play no part here.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import add_data_option
from tflm_converters.errors import ConversionError, DataError
from tflm_mcunet import tasks
from tflm_mcunet.audio import LogSpectrum, LogSpectrumConfig
from tflm_mcunet.files import staged
from tflm_mcunet.quantize import quantize
from tflm_mcunet.tasks import Dataset, Examples
from tflm_mcunet.zoo.entry import ORIGINAL, read_json
from tflm_mcunet.zoo.evaluation import area_under_curve
from tflm_mcunet.zoo.inputs import LogSpectrumInput
from tflm_mcunet.zoo.model import Pipeline
from tflm_mcunet.zoo.outputs import Reconstruction
from zoo.recipes import autoencoders, baselines, int8_variants
from zoo.recipes.autoencoders import Training
from zoo.recipes.cards import MODELS
from zoo.recipes.comparison import BASELINES
from zoo.recipes.entry_files import front_end_for, write_entry, write_json
from zoo.recipes.float_network import float_file
from zoo.recipes.int8_variants import FLOAT, PTQ, QAT

NAME, REFERENCE = "anomaly-fan", "mlperf-dense-autoencoder"
FRONT_END = LogSpectrumConfig(floor_db=-100.0)
LENGTH = FRONT_END.axes * FRONT_END.bands
FALSE_ALARMS = 0.01
"""Share of normal windows of the validation split that score above the threshold."""

FACTS = "facts.json"

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network, how it is trained, and what it is."""

    make: Callable[[], Any]
    training: Training
    title: str


CANDIDATES = {
    NAME: Candidate(
        lambda: autoencoders.dense(LENGTH),
        Training(noise=1.0),
        "Unbalanced fan, from a second of 3-axis vibration",
    ),
    "convolutional": Candidate(
        lambda: autoencoders.convolutional(FRONT_END.axes, FRONT_END.bands),
        Training(noise=1.0),
        "The same with a convolutional encoder",
    ),
    REFERENCE: Candidate(
        lambda: baselines.dense_autoencoder(LENGTH),
        Training(learns_variances=False),
        "MLPerf Tiny's dense auto-encoder on the same features, scored by its mean squared error",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build") / NAME,
        metavar="DIR",
        help="folder for trained networks; default: %(default)s",
    )
    options = parser.parse_args()
    try:
        make_all(options.data / "anomaly", options.build)
    except ConversionError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def make_all(data: Path, build: Path) -> None:
    """Trains what is not there yet, and writes all entries.

    Raises:
        ConversionError: the data is not there, or a folder cannot be written.
    """
    blocks = tasks.load(data, "anomaly")
    _require_both_kinds(blocks.val.y == 1)
    for name, candidate in CANDIDATES.items():
        folder = build / name
        if not is_made(folder, candidate, blocks):
            with staged(folder) as stage:
                make(stage, candidate, blocks)
        facts = read_json(folder / FACTS)
        areas = ", ".join(f"{v} {found:.4f}" for v, found in facts["validation"].items())
        print(f"{name}: AUC of the validation split, {areas}", file=sys.stderr)
        home = MODELS / NAME if name == NAME else BASELINES / NAME / name
        write_entry(home, (folder / ORIGINAL).read_bytes(), entry(name, facts))


def _require_both_kinds(is_anomaly: np.ndarray) -> None:
    if is_anomaly.all() or not is_anomaly.any():
        raise DataError(
            "expected normal windows and anomalies in the validation split, by which networks are "
            f"chosen; got {is_anomaly.sum()} anomalies among {len(is_anomaly)} windows"
        )


def is_made(folder: Path, candidate: Candidate, blocks: Dataset) -> bool:
    """Whether its network was trained so, with the same data."""
    path = folder / FACTS
    return path.is_file() and read_json(path)["made_from"] == fingerprint(candidate, blocks)


def fingerprint(candidate: Candidate, blocks: Dataset) -> str:
    """Digest of settings and of the data that a network is made from."""
    network = [weight.shape.as_list() for weight in candidate.make().weights]
    settings = [
        dataclasses.asdict(candidate.training),
        FRONT_END.to_json(),
        network,
        autoencoders.AWARE_EPOCHS,
        autoencoders.AWARE_RATE,
    ]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for examples in (blocks.train, blocks.val):
        digest.update(examples.x.tobytes())
    return digest.hexdigest()


def make(folder: Path, candidate: Candidate, blocks: Dataset) -> None:
    """Trains a network, quantizes it, chooses its threshold; writes its variants and facts."""
    normal, how = features(blocks.train), candidate.training
    network, variances = autoencoders.train(candidate.make, normal, how)
    weights = autoencoders.score_weights(variances) if how.learns_variances else None
    samples = calibration(normal)
    ptq = quantize(network, [samples])
    int8 = {PTQ: ptq, QAT: autoencoders.aware(ptq, normal, variances, samples, how)}
    for variant, content in {FLOAT: float_file(network), **int8}.items():
        (folder / f"{variant}.tflite").write_bytes(content)
    is_anomaly = blocks.val.y == 1
    scores = {v: score_all(content, weights, blocks.val.x) for v, content in int8.items()}
    found: Json = {v: area_under_curve(each, is_anomaly) for v, each in scores.items()}
    chosen = int8_variants.better(found)
    (folder / ORIGINAL).write_bytes(int8[chosen])
    write_json(
        folder / FACTS,
        {
            "config": front_end_for(int8[chosen], FRONT_END).to_json(),
            "weights": weights,
            "threshold": float(np.quantile(scores[chosen][~is_anomaly], 1 - FALSE_ALARMS)),
            "chosen": chosen,
            "validation": found,
            "made_from": fingerprint(candidate, blocks),
        },
    )


def features(examples: Examples) -> np.ndarray:
    """Of all windows, as real values, float32 (n, LENGTH)."""
    computed = examples.map(LogSpectrum(FRONT_END).features).x
    return FRONT_END.real(computed).reshape(-1, LENGTH)


def calibration(normal: np.ndarray) -> np.ndarray:
    """Normal data for the ranges of tensors; that of the input is the whole of the front end's."""
    samples = normal.copy()
    extremes = FRONT_END.real(np.array([-128, 127], np.int8))
    samples[0, np.argmin(samples[0])], samples[0, np.argmax(samples[0])] = extremes
    return samples


def score_all(model: bytes, weights: tuple[int, ...] | None, blocks: np.ndarray) -> np.ndarray:
    """Scores in TensorFlow Lite Micro, float64 (n,)."""
    output, config = Reconstruction(0.0, weights), front_end_for(model, FRONT_END)
    pipeline = Pipeline(LogSpectrumInput(config.to_json()), model, output)
    return np.array([pipeline.predict(block).scores[output.labels[1]] for block in blocks])


def entry(name: str, facts: Json) -> Json:
    """What `entry.json` holds; digests follow when it is sealed."""
    output = {"kind": "reconstruction", "threshold": facts["threshold"]}
    if facts["weights"] is not None:
        output["weights"] = facts["weights"]
    return {
        "name": name,
        "version": "1.0",
        "task": "anomaly detection",
        "title": CANDIDATES[name].title,
        "input": {"kind": "log-spectrum", "config": facts["config"]},
        "output": output,
        "quantization": facts["chosen"],
        "conversion": {},
        **_TEXTS,
        "test_sets": ["anomaly", "anomaly/test_session"],
        "sha256": {},
    }


_TEXTS: Json = {
    "data": [
        {
            "name": "ShawnHymel/tinyml-example-anomaly-detection, ceiling-fan",
            "licence": "Beerware for its code, none stated for its recordings",
            "use": "training on normal windows, threshold, test",
        }
    ],
    "weights_licence": "Apache-2.0",
    "splits": (
        "Windows of a second from one fan at three speeds and off, healthy or with a coin taped to "
        "a blade. Each recording is cut in time: of the healthy ones the first 60 % are for "
        "training, the next part for validation, the last for test; so training and test share "
        "recordings. The threshold is the score that 1 % of the normal windows of the validation "
        "split exceed. Network, range of levels, noise, epochs and quantization were chosen by the "
        "AUC of the validation split, which holds anomalies. test_session: the healthy fan on "
        "another occasion, after the sensor was attached again; all its errors are false alarms. "
        "The mean of each axis tells recordings apart, so the front end takes it away."
    ),
    "intended_use": (
        "condition monitoring of one machine with an accelerometer that samples at 200 Hz in "
        "1/2048 g, such as the MSA301 of the recordings or the BMI270 of the Nano 33 BLE Sense "
        "Rev2, which the sketch sets to 200 Hz; as a start for a machine of your own, with the "
        "recipe on its recordings. The LSM9DS1 of the first Nano can measure at 238 Hz, but not at "
        "200: the sketch says so and stops; train with recordings at that rate."
    ),
    "limits": (
        "It knows one fan, mounted in one way, and one fault, imbalance. After the sensor is moved "
        "nearly every window is an alarm, see test_session, and a new threshold alone finds few "
        "faults: record normal data and train it again, as for another machine. Windows of the "
        "fan at low speed whose sensor is nudged are false alarms, too. A mean of several scores "
        "separates better than one. Front end and window take more SRAM than the network: "
        f"{2 * FRONT_END.window * FRONT_END.axes:,} bytes of samples, "
        f"{4 * FRONT_END.fft_size:,} of scratch, {LENGTH} for a copy of the features, which the "
        "score is computed from."
    ),
    "recipe": f"python -m zoo.recipes.{NAME.replace('-', '_')} --data ../shared/data",
}


if __name__ == "__main__":
    sys.exit(main())
