# SPDX-License-Identifier: Apache-2.0
"""Packages of optional extras, imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from tflm_converters.errors import DataError


def require(module: str, *, extra: str) -> Any:
    """The module.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            f"reading this data needs {module} ({error}): pip install 'tflm-mcunet[{extra}]'"
        ) from None
