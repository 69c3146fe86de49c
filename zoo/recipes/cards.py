# SPDX-License-Identifier: Apache-2.0
"""Renders model cards from entries and results.

python -m zoo.recipes.cards [MODEL ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tflm_mcunet.report import model_card
from tflm_mcunet.zoo.entry import CARD, Entry
from tflm_mcunet.zoo.results import Results

MODELS = Path(__file__).parents[1] / "tflm_mcunet_zoo" / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all")
    options = parser.parse_args()
    for folder in folders():
        if not options.models or folder.name in options.models:
            write_card(folder)


def folders() -> list[Path]:
    """Those of all models in this repository."""
    return sorted(path for path in MODELS.iterdir() if path.is_dir())


def write_card(folder: Path) -> None:
    """Writes `card.md` of an entry."""
    entry = Entry.read(folder)
    text = model_card.markdown(entry, Results.read(entry))
    (folder / CARD).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
