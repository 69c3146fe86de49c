# SPDX-License-Identifier: Apache-2.0
"""Searches and trains the networks of `zoo.recipes.visual_wake_words`.

One supernet serves all sizes. It, the networks found in it and MLPerf Tiny's, which they are
compared with, learn from the same crops and the same teacher. Every step leaves files in the
folder of the run, and is not done again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

import tf_keras

from benchmarks.search_quality_networks import widest_mobilenet_v2
from tflm_converters.errors import SettingsError
from tflm_mcunet import tasks
from tflm_mcunet.search import extraction, keras_model, material, training, tuning
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.evaluator import Evaluator
from tflm_mcunet.search.evolution import Evolution, Record, Settings
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.material import Material
from tflm_mcunet.search.space import SearchSpace, image_space
from tflm_mcunet.search.supernet import Supernet
from tflm_mcunet.search.teacher import Teacher, taught, tflite_teacher
from tflm_mcunet.search.training import TrainingOptions
from zoo.recipes import baselines

_K = 1024

REFERENCE, MOBILENET_V2 = "mlperf-mobilenet-v1", "mobilenet-v2"
REFERENCES = (REFERENCE, MOBILENET_V2)
"""What the networks found are compared with."""

TEACHER = Path("mlperf_tiny") / "models" / "vww_96_float.tflite"
"""In the folder of all data."""

SIZES = {
    "vww-xs": Limits(sram_bytes=32 * _K, macs=1_500_000),
    "vww-s": Limits(sram_bytes=64 * _K, macs=3_000_000),
    "vww-m": Limits(sram_bytes=128 * _K, macs=6_000_000),
}
"""What each network must keep to; SRAM with the whole image in it.

It is the MACs that bind, which make training slow: our schedules hold much larger networks.
"""

AUGMENTATION = tasks.ImageAugmentation(area=(0.35, 1.0))
"""Small crops: that they need not show what the label says is the teacher's business."""

SUPERNET = TrainingOptions(epochs=14, warm_up=4, random_networks=2)
EVOLUTION = Settings(population=20, generations=6, parent_share=0.3)
FINE_TUNING = {"vww-xs": 30, "vww-s": 120, "vww-m": 120}
"""Epochs of each network by itself, after those of the supernet; 120 take an hour or two."""

REFERENCE_EPOCHS = 44
"""Of each reference, from scratch."""

RATE = 5e-3
"""Of learning, of networks that have learned in the supernet already."""

BATCH, SEED = 64, 0
RESOLUTIONS = (48, 64)
_KEPT_SIDE = 111  # images are kept 1.15 times as large: 128 pixels, as they are stored


def space(classes: int = 2) -> SearchSpace:
    """MCUNet's space at W = 0.3, with fewer blocks, and with a 1x1 convolution at the end."""
    whole = image_space(classes=classes, resolutions=RESOLUTIONS, width_multiplier=0.3)
    first, *middle, last = (
        dataclasses.replace(stage, depths=depths, kernels=stage.kernels[:kernels])
        for stage, depths, kernels in zip(whole.stages[1:], _DEPTHS, _KERNELS, strict=True)
    )
    return dataclasses.replace(
        whole,
        name=f"{whole.name}, shallow",
        stages=(whole.stages[0], first, *middle, last),
        head_channels=256,
    )


_DEPTHS = ((1, 2), (1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 2, 3), (1,))
_KERNELS = (2, 3, 3, 3, 3, 3)
"""How many of the three kernels each stage may choose from, the smallest first."""


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A folder, and what networks in it learn from."""

    folder: Path
    made: Material
    teacher: Teacher

    def taught(self) -> Material:
        """The same, with what the teacher says in place of labels to train with."""

        def train(epoch: int, size: Size) -> Any:
            classes = len(self.made.classes)
            return taught(self._train, self.teacher, size=size, classes=classes)(epoch)

        return dataclasses.replace(self.made, train=train)

    def evaluator(self) -> Evaluator:
        """The trained supernet."""
        evaluator = Evaluator(space(len(self.made.classes)), self.folder / "evaluation")
        if evaluator.is_saved:
            return evaluator
        supernet = Supernet(evaluator.space, seed=SEED)
        training.train(
            supernet,
            self._train,
            SUPERNET,
            directory=self.folder / "supernet",
            teacher=self.teacher,
        )
        size = evaluator.space.input_shapes[-1][:2]
        calibration, validation = (self.made.evaluation(s, size) for s in ("calibration", "val"))
        return Evaluator.save(supernet, calibration, validation, evaluator.folder)

    def settings(self, name: str) -> str:
        """All that a network depends on besides the data, as text."""
        common = (
            space(len(self.made.classes)),
            SUPERNET,
            REFERENCE_EPOCHS if name in REFERENCES else FINE_TUNING[name],
            baselines.RATE if name in REFERENCES else RATE,
            AUGMENTATION,
            BATCH,
            SEED,
        )
        own = (SIZES[name], EVOLUTION) if name in SIZES else ()
        return repr((*common, *own, self.teacher.share, self.teacher.views))

    def best(self, name: str) -> Record:
        """The network found for a size."""
        evaluator = self.evaluator()
        state = self.folder / f"evolution-{name}.json"
        evolution = Evolution(evaluator.space, SIZES[name], settings=EVOLUTION, state=state)
        return evolution.run(evaluator)

    def network(self, name: str) -> tf_keras.Model:
        """It, trained by itself from the supernet's weights; gives probabilities."""
        architecture = self.best(name).architecture
        supernet, calibration, _ = self.evaluator().load()
        statistics = extraction.calibrate(supernet, architecture, calibration)
        model = extraction.extract(supernet, architecture, statistics)
        self._fine_tune(model, name, FINE_TUNING[name], RATE)
        return tf_keras.Model(model.inputs, tf_keras.layers.Softmax()(model.output))

    def mobilenet_v2(self, limits: Limits) -> tf_keras.Model:
        """MobileNetV2, as wide as limits allow, trained from scratch; gives probabilities.

        Raises:
            SettingsError: even the narrowest is too large.
        """
        tf_keras.utils.set_random_seed(SEED)
        classes = len(self.made.classes)
        shape = space(classes).input_shapes[-1]
        fitting = widest_mobilenet_v2(shape, classes, limits, scales_head=True)
        if fitting is None:
            raise SettingsError(f"no MobileNetV2 keeps to {limits}")
        width, architecture = fitting
        model = keras_model.build(architecture, name=f"mobilenet_v2_{width:g}")
        self._fine_tune(model, model.name, REFERENCE_EPOCHS, baselines.RATE)
        probabilities = tf_keras.layers.Softmax()(model.output)
        return tf_keras.Model(model.inputs, probabilities, name=model.name)

    def reference(self) -> tf_keras.Model:
        """MLPerf Tiny's network, trained from scratch on the same; gives probabilities."""
        tf_keras.utils.set_random_seed(SEED)
        model = baselines.mobilenet_v1(classes=len(self.made.classes))
        classifier = model.layers[-1]
        classifier.activation = tf_keras.activations.linear  # training takes logits
        self._fine_tune(model, REFERENCE, REFERENCE_EPOCHS, baselines.RATE)
        classifier.activation = tf_keras.activations.softmax
        return model

    def _fine_tune(self, model: tf_keras.Model, name: str, epochs: int, rate: float) -> None:
        tuning.fine_tune(
            model,
            self._train,
            epochs=epochs,
            learning_rate=rate,
            teacher=self.teacher,
            directory=self.folder / name,
        )

    def _train(self, epoch: int) -> Any:
        """As the teacher sees it; students get a smaller copy."""
        return self.made.train(epoch, self.teacher.size)


def open_run(folder: Path, data: Path, teacher: Path, *, excluded: Collection[int] = ()) -> Run:
    """A run, new or to be resumed.

    Args:
        folder: of the run.
        data: photos, as `tasks.load` takes them.
        teacher: MLPerf Tiny's float model, whose answers are probabilities and whose inputs are
            pixels from 0 to 1.
        excluded: as `tasks.load` has it.

    Raises:
        ConversionError: data or teacher cannot be used.
    """
    made = material.images(
        data,
        resolution=_KEPT_SIDE,
        batch_size=BATCH,
        seed=SEED,
        augmentation=AUGMENTATION,
        excluded=excluded,
    )
    answers = folder / "answers"
    return Run(folder, made, tflite_teacher(teacher, low=0.0, high=1.0, folder=answers))
