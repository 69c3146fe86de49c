# SPDX-License-Identifier: Apache-2.0
"""A user's own labelled files: a folder with a folder for each class."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.evaluation import LabelledSample


def labelled_files(
    folder: Path, labels: Sequence[str], suffixes: Sequence[str]
) -> list[LabelledSample]:
    """The files of all class folders, at any depth, in order of their paths.

    Args:
        folder: holds folders named like labels; case, blanks, '-' and '_' do not count.
        labels: all answers that a model can give; some may have no folder.
        suffixes: of the files that the model can be given; others are left out.

    Raises:
        ZooError: the folder is not there, holds no file of use, or another folder.
    """
    if not folder.is_dir():
        raise ZooError(f"'{folder}' is not a folder; expected one with a folder for each class")
    indices = {_plain(label): index for index, label in enumerate(labels)}
    samples = []
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        if _plain(path.name) not in indices:
            raise ZooError(_unknown(path, labels))
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
        samples += [LabelledSample(file, indices[_plain(path.name)]) for file in files]
    if not samples:
        raise ZooError(
            f"'{folder}': expected {', '.join(suffixes)} files in folders named "
            f"{', '.join(labels)}, found none"
        )
    return samples


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _unknown(path: Path, labels: Sequence[str]) -> str:
    near = difflib.get_close_matches(path.name, labels, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return (
        f"'{path}': the folder is not named like a class of the model; {hint}the classes are "
        f"{', '.join(labels)}"
    )
