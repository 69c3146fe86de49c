# SPDX-License-Identifier: Apache-2.0
"""The stages of a search that need TensorFlow: supernet, and the network found, by itself."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
import tf_keras

from tflm_converters.errors import SettingsError
from tflm_mcunet import quantization_report
from tflm_mcunet.quantize import quantize
from tflm_mcunet.report.text import shape_text
from tflm_mcunet.search import borrowed, extraction, training, tuning
from tflm_mcunet.search.architecture import Architecture, Size
from tflm_mcunet.search.batches import Data
from tflm_mcunet.search.effort import Effort, Pace, effort_within, plan_text, seconds_of
from tflm_mcunet.search.evaluator import Evaluator
from tflm_mcunet.search.evolution import Record
from tflm_mcunet.search.material import Batches, Material
from tflm_mcunet.search.request import EVALUATION, IMAGE_TASKS, Request
from tflm_mcunet.search.result import Found
from tflm_mcunet.search.space import SearchSpace
from tflm_mcunet.search.supernet import Supernet
from tflm_mcunet.search.teacher import Teacher, tflite_teacher

_TIMED_STEPS = 3


def plan_effort(request: Request, made: Material, space: SearchSpace, *, progress: bool) -> Effort:
    """The effort asked for, or what this machine can do in the hours asked for."""
    if request.effort is not None:
        return request.effort
    pace, is_trained = _measure(made, space), request.supernet is not None
    effort = effort_within(3600 * request.hours, pace, is_trained=is_trained)
    seconds = seconds_of(effort, pace, is_trained=is_trained)
    if progress:
        print(plan_text(effort, seconds, hours=request.hours), file=sys.stderr)
    return effort


def train_supernet(
    request: Request,
    made: Material,
    space: SearchSpace,
    effort: Effort,
    folder: Path,
    *,
    progress: bool,
) -> Evaluator:
    """Trains a supernet in `folder`, or takes the one that is there, or another run's."""
    if request.supernet is not None:
        return borrowed.evaluator(Path(request.supernet), space, made)
    evaluator = Evaluator(space, folder / EVALUATION)
    if evaluator.is_saved:
        return evaluator
    size = space.input_shapes[-1][:2]
    supernet = Supernet(space, seed=request.seed)
    data, teacher = _training_data(request, made, size, folder)
    training.train(
        supernet,
        data,
        training.TrainingOptions(
            epochs=effort.epochs,
            warm_up=effort.warm_up,
            learning_rate=request.learning_rate,
            seed=request.seed,
        ),
        directory=folder / "supernet",
        teacher=teacher,
        progress=progress,
    )
    calibration, validation = (made.evaluation(split, size) for split in ("calibration", "val"))
    return Evaluator.save(supernet, calibration, validation, evaluator.folder)


def train_best(
    request: Request,
    made: Material,
    evaluator: Evaluator,
    best: Record,
    effort: Effort,
    folder: Path,
    *,
    progress: bool,
) -> Found:
    """Trains the best network by itself, from the supernet's weights."""
    model = _extract(evaluator, best.architecture)
    size = best.architecture.input_shape[:2]
    data, teacher = _training_data(request, made, size, folder)
    tuning.fine_tune(
        model,
        data,
        epochs=effort.fine_tuning,
        learning_rate=request.learning_rate,
        teacher=teacher,
        directory=folder / "best",
        progress=progress,
    )
    calibration, validation = (made.evaluation(split, size) for split in ("calibration", "val"))
    int8 = quantize(model, representative(calibration))
    test = made.evaluation("test", size) if made.splits["test"] else None
    return Found(
        best.architecture,
        model,
        int8,
        best.cost,
        quantization_report.compare(model, int8, validation),
        None if test is None else quantization_report.compare(model, int8, test),
    )


def _training_data(
    request: Request, made: Material, size: Size, folder: Path
) -> tuple[Data, Teacher | None]:
    """Batches of each epoch, as the teacher sees them if there is one, and the teacher."""
    if request.teacher is None:
        return lambda epoch: made.train(epoch, size), None
    low, high = request.teacher_range
    teacher = tflite_teacher(Path(request.teacher), low=low, high=high, share=request.teacher_share)
    if request.task not in IMAGE_TASKS and teacher.size != size:
        raise SettingsError(
            f"teacher '{request.teacher}': expected one of {shape_text(size)} features, got "
            f"{shape_text(teacher.size)}"
        )
    rows, columns = (max(sides) for sides in zip(size, teacher.size, strict=True))
    teacher = dataclasses.replace(teacher, folder=folder / f"answers-{rows}x{columns}")
    return lambda epoch: made.train(epoch, (rows, columns)), teacher


def representative(calibration: Batches) -> list[np.ndarray]:
    """Inputs for `quantize`, two of which span their whole range."""
    inputs = [inputs for inputs, _ in calibration]
    return [*inputs, whole_range(inputs[0].shape[1:])]


def whole_range(shape: tuple[int, ...]) -> np.ndarray:
    """Two inputs whose range is [-1, 1): so int8 / 128 are their values on the device, too."""
    return np.stack([np.full(shape, value, np.float32) for value in (-1, 127 / 128)])


def _extract(evaluator: Evaluator, architecture: Architecture) -> tf_keras.Model:
    supernet, calibration, _ = evaluator.load()
    statistics = extraction.calibrate(supernet, architecture, calibration)
    return extraction.extract(supernet, architecture, statistics)


def _measure(made: Material, space: SearchSpace) -> Pace:
    """Times a few steps of a supernet that is thrown away."""
    size = space.input_shapes[-1][:2]
    supernet = Supernet(space)
    steps = int(made.train(0, size).cardinality())
    tracing, together = _seconds_of_steps(supernet, made, warm_up=0)
    _, alone = _seconds_of_steps(supernet, made, warm_up=_TIMED_STEPS)
    calibration, validation = (made.evaluation(split, size) for split in ("calibration", "val"))
    extraction.evaluate(supernet, space.largest(), calibration[:1], validation[:1])
    begin = time.perf_counter()
    extraction.evaluate(supernet, space.largest(), calibration, validation)
    return Pace(
        tracing=tracing,
        supernet_epoch=steps * together,
        evaluation=(time.perf_counter() - begin) / 2,  # candidates are smaller
        epoch=steps * alone,
    )


def _seconds_of_steps(supernet: Supernet, made: Material, *, warm_up: int) -> tuple[float, float]:
    """Of tracing, and of a step; epochs have one step each, and tracing ends with the first."""
    size = supernet.space.input_shapes[-1][:2]
    ends = [time.perf_counter()]

    def validate(epoch: int) -> dict[str, float]:
        ends.append(time.perf_counter())
        return {}

    training.train(
        supernet,
        lambda epoch: made.train(epoch, size).take(1),
        training.TrainingOptions(epochs=_TIMED_STEPS, warm_up=warm_up),
        validate=validate,
        progress=False,
    )
    step = (ends[-1] - ends[1]) / (len(ends) - 2)
    return max(ends[1] - ends[0] - step, 0.0), step
