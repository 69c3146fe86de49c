# SPDX-License-Identifier: Apache-2.0
"""The supernet of another run: trained once, searched for many boards.

Once-for-all (arXiv 1908.09791): only evolution and the training of the network found depend on
the limits, and they take a fraction of the time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.search.material import Batches, Material
from tflm_mcunet.search.request import EVALUATION, SPACE_FILE, Request
from tflm_mcunet.search.space import SearchSpace

if TYPE_CHECKING:
    from tflm_mcunet.search.evaluator import Evaluator


def space_choice(request: Request, run: Path) -> dict[str, Any]:
    """What stage one of the other run has chosen.

    Raises:
        SettingsError: there is no such run, it has another task, or its images are larger than
            the request allows.
    """
    path = run / SPACE_FILE
    if not path.is_file():
        raise SettingsError(
            f"supernet '{run}': expected the folder of a search, which holds {SPACE_FILE}; "
            "search without a supernet to train one"
        )
    other = Request.read(run)
    for what in ("task", "keywords"):
        trained, wanted = getattr(other, what), getattr(request, what)
        if trained != wanted:
            raise SettingsError(
                f"supernet '{run}' was trained for the {what} {trained}, expected {wanted}"
            )
    choice: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    most = request.max_resolution
    if most is not None and choice["resolution"] > most:
        raise SettingsError(
            f"supernet '{run}' has images of {choice['resolution']} pixels, expected at most "
            f"{most}: leave max_resolution out, or search without a supernet"
        )
    return choice


def evaluator(run: Path, space: SearchSpace, made: Material) -> Evaluator:
    """The trained supernet of the other run.

    Raises:
        SettingsError: it is not trained yet, or is of another space or other data.
    """
    from tflm_mcunet.search.evaluator import Evaluator  # TensorFlow

    found = Evaluator(space, run / EVALUATION)
    if not found.is_saved:
        raise SettingsError(
            f"'{run}' holds no trained supernet: finish that search first, or name the run that "
            "trained it"
        )
    if (trained := found.space_of_weights) != repr(space):
        raise SettingsError(
            f"supernet '{run}' is of another space: expected {space}, got {trained}"
        )
    if not _are_equal(found.batches()[1], made.evaluation("val", space.input_shapes[-1][:2])):
        raise SettingsError(
            f"supernet '{run}' was trained on other data: expected the same validation examples; "
            "search without a supernet to train one on these"
        )
    return found


def _are_equal(one: Batches, other: Batches) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(inputs, its_inputs) and np.array_equal(labels, its_labels)
        for (inputs, labels), (its_inputs, its_labels) in zip(one, other, strict=True)
    )
