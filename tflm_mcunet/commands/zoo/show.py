# SPDX-License-Identifier: Apache-2.0
"""`tflm-mcunet zoo show`"""

from __future__ import annotations

import argparse

from tflm_mcunet import zoo
from tflm_mcunet.commands.show import progress_bar, show
from tflm_mcunet.conversion import convert
from tflm_mcunet.files import staged
from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.entry import ORIGINAL, Entry
from tflm_mcunet.zoo.results import Results


def execute(options: argparse.Namespace) -> int:
    """Prints the card of a model; draws it into a folder if asked to."""
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
