# SPDX-License-Identifier: Apache-2.0
"""Which models there are: the folders of all installed zoos."""

from __future__ import annotations

import difflib
import importlib.metadata
from pathlib import Path

from tflm_mcunet.zoo.entry import Entry, ZooError

GROUP = "tflm_mcunet.zoo"
"""Entry point group by which zoos are found.

Its values are `pathlib.Path` objects, such as `tflm_mcunet_zoo:MODELS`: a folder that holds a
folder for each model, named like the model, with the files that `tflm_mcunet.zoo.entry` lists.
"""


def names() -> list[str]:
    """Names of all models of all installed zoos, sorted; an empty list if there are none."""
    return sorted(_folders())


def entry(name: str) -> Entry:
    """What a zoo says of one of its models.

    Raises:
        ZooError: no zoo is installed, none has this model, or its entry is damaged.
    """
    folders = _folders()
    if name not in folders:
        raise ZooError(_unknown(name, sorted(folders)))
    return Entry.read(folders[name])


def _folders() -> dict[str, Path]:
    """The folder of every model, by name."""
    folders: dict[str, Path] = {}
    for zoo in _zoos():
        for path in sorted(zoo.iterdir()):
            if not path.is_dir():
                continue
            if path.name in folders:
                raise ZooError(
                    f"two installed zoos have a model '{path.name}': '{folders[path.name].parent}' "
                    f"and '{zoo}'; uninstall one of them"
                )
            folders[path.name] = path
    return folders


def _zoos() -> list[Path]:
    """The folders that entry points name."""
    found: dict[Path, None] = {}  # a distribution may be on the path twice
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            folder = point.load()
        except (ImportError, AttributeError) as error:
            raise ZooError(
                f"the zoo '{point.name}' ({point.value}) cannot be loaded: {error}; reinstall it"
            ) from None
        if not isinstance(folder, Path) or not folder.is_dir():
            raise ZooError(
                f"the zoo '{point.name}' ({point.value}): expected the path of a folder, "
                f"got {folder!r}; reinstall it"
            )
        found[folder] = None
    if not found:
        raise ZooError("no zoo is installed; install one: pip install tflm-mcunet-zoo")
    return list(found)


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"unknown model '{name}'; the installed zoos hold no models"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    if near:
        return f"unknown model '{name}'; did you mean {' or '.join(near)}?"
    return f"unknown model '{name}'; the models are {', '.join(known)}"
