# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo eval`"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tflm_mcunet import zoo
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Progress
from tflm_mcunet.files import staged
from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.evaluation import Evaluation, LabelledSample, evaluate
from tflm_mcunet.zoo.folders import labelled_files


def execute(options: argparse.Namespace) -> int:
    """Asks a model about a user's own files and counts the right answers."""
    model = zoo.load(options.name)
    samples = labelled_files(options.data, model.labels, model.input.suffixes)
    with progress_bar(options) as progress:
        evaluation = evaluate(model.predict, model.labels, _watched(samples, progress))
    if options.out is not None:
        _draw_confusion(options.out, evaluation, model.name)
    show(options, {"name": model.name, **evaluation.to_json()}, _evaluation_text(evaluation))
    return 0


def _watched(samples: list[LabelledSample], progress: Progress) -> Iterator[LabelledSample]:
    for index, sample in enumerate(samples):
        progress("asking the model", index / len(samples))
        yield sample


def _draw_confusion(folder: Path, evaluation: Evaluation, name: str) -> None:
    from tflm_mcunet.report import confusion_picture  # matplotlib takes a third of a second

    with staged(folder) as stage:
        (stage / "confusion.png").write_bytes(confusion_picture.draw(evaluation, name=name))


def _evaluation_text(evaluation: Evaluation) -> str:
    auc = "" if evaluation.auc is None else f"; AUC {evaluation.auc:.3f}"
    return (
        "Answers of the model (columns) for each class (rows)\n\n"
        f"{model_card.confusion_table(evaluation)}\n\n"
        f"Accuracy: {evaluation.accuracy:.2%} of {evaluation.samples:,} files{auc}"
    )
