# SPDX-License-Identifier: Apache-2.0
"""The wheel works where the repository is not: the C runtime is in it, built and as sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
PROGRAM = """
import ctypes, tflm_converters, tflm_mcunet
from tflm_mcunet import _native
ctypes.CDLL(str(_native.LIBRARY)).tmc_program_open
print(tflm_converters.__file__)
print(_native.arduino_library())
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy, so that nothing left by earlier builds gets into it."""
    work = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "build", "bazel-*", "*.so", "*.egg-info", "__pycache__")
    shutil.copytree(repository, work / "copy", ignore=ignored)
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), "."]
    subprocess.run(build, cwd=work / "copy", check=True)
    (built,) = work.glob("*.whl")
    return built


def test_wheel_serves_every_python_of_its_platform(wheel: Path) -> None:
    name, _, python, abi, platform = wheel.stem.split("-")
    assert (name, python, abi) == ("tflm_mcunet", "py3", "none")
    assert platform != "any"


def test_wheel_carries_the_runtime(wheel: Path, repository: Path, tmp_path: Path) -> None:
    subprocess.run(
        [*PIP, "install", "--no-deps", "--target", str(tmp_path), str(wheel)], check=True
    )
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    converters, library = result.stdout.splitlines()
    assert Path(converters).is_relative_to(tmp_path)
    assert Path(library).is_relative_to(tmp_path)
    originals = repository / "arduino" / "TFLM_MCUNet"
    carried = {path.relative_to(library) for path in Path(library).rglob("*") if path.is_file()}
    assert carried == {p.relative_to(originals) for p in originals.rglob("*") if p.is_file()}
