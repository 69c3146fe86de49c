# SPDX-License-Identifier: Apache-2.0
"""The pinned tflite-micro wheel, with the operator TFLM_MCUNET registered in it.

Only the wheel's compiled module is loaded, never its Python code, which would import
TensorFlow. Our shared library calls that module's C++ objects by their binary layout, so
any other version of the wheel is refused.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from types import ModuleType

from tflm_converters.errors import RuntimeMismatchError
from tflm_mcunet._native import LIBRARY

VERSION = "0.dev20260203175027"
"""The only version of tflite-micro whose binary layout `native/tflm_abi.h` describes."""

REGISTERER = "tflm_mcunet_register"
"""Name of the exported function that the wheel calls to register our operator."""

_MODULE = "tflite_micro.python.tflite_micro._runtime"
_ADVICE = f"run: pip install tflite-micro=={VERSION}"


@functools.cache
def runtime() -> ModuleType:
    """The wheel's compiled module `_runtime`, ready to be given `REGISTERER`.

    Raises:
        RuntimeMismatchError: the wheel is absent or of another version, or our shared
            library has not been built.
    """
    module = _load_wheel(_find_wheel())
    _load_library()
    return module


def _find_wheel() -> importlib.metadata.Distribution:
    try:
        wheel = importlib.metadata.distribution("tflite-micro")
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeMismatchError(
            f"Running a model needs tflite-micro {VERSION}, which is not installed; {_ADVICE}"
        ) from None
    if wheel.version != VERSION:
        raise RuntimeMismatchError(
            f"Running a model needs tflite-micro {VERSION}, but {wheel.version} is installed; "
            f"{_ADVICE}"
        )
    return wheel


def _load_wheel(wheel: importlib.metadata.Distribution) -> ModuleType:
    # Under its own name, so that a later `import tflite_micro` finds and shares it.
    if _MODULE in sys.modules:
        return sys.modules[_MODULE]
    path = str(wheel.locate_file(_MODULE.replace(".", "/") + ".so"))
    loader = importlib.machinery.ExtensionFileLoader(_MODULE, path)
    spec = importlib.util.spec_from_file_location(_MODULE, path, loader=loader)
    assert spec is not None
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    except ImportError as error:
        raise RuntimeMismatchError(
            f"tflite-micro {VERSION} does not load ({error}); {_ADVICE} --force-reinstall"
        ) from None
    sys.modules[_MODULE] = module
    return module


def _load_library() -> None:
    # RTLD_GLOBAL: the wheel finds the registerer with dlsym(RTLD_DEFAULT).
    try:
        ctypes.CDLL(str(LIBRARY), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise RuntimeMismatchError(
            f"The C runtime of tflm-mcunet does not load ({error}); install the package again: "
            "pip install ."
        ) from None
