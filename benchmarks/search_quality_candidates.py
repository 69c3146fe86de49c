# SPDX-License-Identifier: Apache-2.0
"""The networks that `benchmarks.search_quality` compares: the one found, and what it must beat."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import tf_keras

from benchmarks import search_quality_networks as networks
from benchmarks import search_quality_training as training
from benchmarks.results import Json
from benchmarks.search_quality_run import Run
from benchmarks.search_quality_task import reference_material
from benchmarks.search_quality_training import Epochs
from tflm_mcunet.search import extraction, keras_model
from tflm_mcunet.search.architecture import Architecture


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A network to be trained, and the epochs to train it with."""

    name: str
    title: str
    build: Callable[[], tf_keras.Model]
    epochs: Epochs

    def judged(self, run: Run, seed: int, name: str) -> Json:
        """Trained with this seed."""
        folder = run.folder / "checkpoints" / name
        model = training.trained(
            self.build,
            self.epochs,
            count=run.task.epochs,
            seed=seed,
            folder=folder,
            learning_rate=run.task.rate,
        )
        return training.judged(model, self.epochs.made, model.input_shape[1:3])


def baselines(run: Run) -> Iterator[Candidate]:
    """Those that need no search."""
    yield from _mobilenets(run)
    yield from _references(run)


def found(run: Run) -> Iterator[Candidate]:
    """The network found, with random weights and with those of the supernet."""
    network = Architecture.from_json(json.dumps(run.found["architecture"]))
    yield Candidate("found", "found", lambda: keras_model.build(network), run.epochs)
    yield Candidate(
        "found-supernet",
        "found, from the supernet's weights",
        lambda: _extracted(run, network),
        run.epochs,
    )


def _mobilenets(run: Run) -> Iterator[Candidate]:
    space, limits = run.setting.space, run.task.limits
    heads = {"1280": "head 1280, as in the paper", "scaled": "head as narrow as the rest"}
    for head, title in heads.items():
        widest = networks.widest_mobilenet_v2(
            space.input_shapes[-1], space.classes, limits, scales_head=head == "scaled"
        )
        if widest is None:
            continue
        width, network = widest
        yield Candidate(
            f"mobilenet-v2-{head}",
            f"MobileNetV2 {width:g}, {title}",
            lambda network=network: keras_model.build(network),  # type: ignore[misc]
            run.epochs,
        )


def _references(run: Run) -> Iterator[Candidate]:
    space, task, limits = run.setting.space, run.task, run.task.limits
    shape, classes = space.input_shapes[-1], space.classes
    kept = run.kept(
        "comparison/reference",
        lambda: {"width": networks.widest_reference(task.data_set, shape, classes, limits)},
    )
    width = kept["width"]
    if width is not None:
        yield Candidate(
            "reference",
            f"MLPerf Tiny {width:g}",
            lambda: networks.reference(task.data_set, shape, classes, width=width),
            run.epochs,
        )
    own = reference_material(task, run.data)
    if own is not None:  # as in the benchmark
        epochs = Epochs(own.made, own.input_shape[:2], keeps=True)
        yield Candidate(
            "reference-own-input",
            f"MLPerf Tiny 1, {own.input_shape[1]} bins",
            lambda: networks.reference(task.data_set, own.input_shape, classes, width=1),
            epochs,
        )


def _extracted(run: Run, network: Architecture) -> tf_keras.Model:
    supernet, calibration, _ = run.evaluator.load()
    statistics = extraction.calibrate(supernet, network, calibration)
    return extraction.extract(supernet, network, statistics)
