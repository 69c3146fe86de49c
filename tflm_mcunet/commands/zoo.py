# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo`"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tflm_mcunet import boards, zoo
from tflm_mcunet.arduino import ArduinoLibrary, export_arduino
from tflm_mcunet.commands.export import arduino_text, library_file
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import Progress, convert
from tflm_mcunet.files import staged
from tflm_mcunet.report import model_card
from tflm_mcunet.report.zoo_list import ABOUT_LIST, listed_json, models_table
from tflm_mcunet.zoo.entry import ORIGINAL, Entry
from tflm_mcunet.zoo.evaluation import Evaluation, LabelledSample, evaluate
from tflm_mcunet.zoo.folders import labelled_files
from tflm_mcunet.zoo.results import Results

_DEFAULT_BOARD = "nano33ble"


def execute(options: argparse.Namespace) -> int:
    """Lists, shows, exports or evaluates models of the installed zoos."""
    actions = {"list": _list, "show": _show, "export": _export, "eval": _evaluate}
    return actions[options.action](options)


# ---- list --------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    shown = [boards.get(name) for name in options.board or [_DEFAULT_BOARD]]
    entries = [zoo.entry(name) for name in zoo.names()]
    models = [(entry, Results.read(entry)) for entry in entries]
    found = [listed_json(entry, results, shown) for entry, results in models]
    text = f"{models_table(models, shown)}\n\n{ABOUT_LIST}"
    show(options, {"models": found}, text if models else "The installed zoos hold no models.")
    return 0


# ---- show --------------------------------------------------------------------------------


def _show(options: argparse.Namespace) -> int:
    entry = zoo.entry(options.name)
    results = Results.read(entry)
    card = model_card.markdown(entry, results)
    if options.out is not None:
        _draw(options, entry, results)
        card += f"\nWritten to '{options.out}': card.html and pictures\n"
    figures = None if results is None else results.to_json(entry)
    content = {"name": entry.name, "card": card, "entry": entry.to_json(), "results": figures}
    show(options, content, card.rstrip())
    return 0


def _draw(options: argparse.Namespace, entry: Entry, results: Results | None) -> None:
    from tflm_mcunet.report import zoo_page  # matplotlib takes a third of a second

    entry.content(ORIGINAL)  # is it the published file?
    with staged(options.out) as stage, progress_bar(options) as progress:
        conversion = convert(
            entry.folder / ORIGINAL, samples=0, progress=progress, **entry.conversion
        )
        progress("drawing", 0.9)
        drawn = zoo_page.pictures(entry, results, conversion)
        for name, picture in drawn.items():
            (stage / name).write_bytes(picture)
        (stage / "card.html").write_text(zoo_page.page(entry, results, drawn), encoding="utf-8")


# ---- export ------------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> int:
    model = zoo.load(options.name)
    out = library_file(options.out or Path(f"{_camel_case(model.name)}.zip"))
    with staged(out.parent) as stage, progress_bar(options) as progress:
        made = _library(model, out.stem, options.board, progress)
        (stage / out.name).write_bytes(made.zip())
    show(options, made.to_json(), arduino_text(made, out))
    return 0


def _library(model: zoo.ZooModel, name: str, board: str, progress: Progress) -> ArduinoLibrary:
    with tempfile.TemporaryDirectory() as folder:
        labels = None
        if model.has_output_per_label:
            labels = Path(folder) / "labels.txt"
            labels.write_text("\n".join(model.labels) + "\n", encoding="utf-8")
        return export_arduino(
            model.path,
            library=name,
            board=board,
            name=model.name,
            labels=labels,
            progress=progress,
            **model.entry.conversion,
        )


def _camel_case(name: str) -> str:
    """Names of Arduino libraries: VwwXs."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


# ---- eval --------------------------------------------------------------------------------


def _evaluate(options: argparse.Namespace) -> int:
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
