# SPDX-License-Identifier: Apache-2.0
"""The wheel works where the repository is not: the C runtime is in it, built and as sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
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


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(folder), str(wheel)], check=True)
    return folder


def run_installed(folder: Path, arguments: list[str]) -> str:
    """What Python prints with the wheel and without the repository."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_carries_the_runtime(installed: Path, repository: Path) -> None:
    converters, library = run_installed(installed, ["-c", PROGRAM]).splitlines()
    assert Path(converters).is_relative_to(installed)
    assert Path(library).is_relative_to(installed)
    originals = repository / "arduino" / "TFLM_MCUNet"
    carried = {path.relative_to(library) for path in Path(library).rglob("*") if path.is_file()}
    assert carried == {p.relative_to(originals) for p in originals.rglob("*") if p.is_file()}


def test_wheel_exports_an_arduino_library(
    installed: Path, repository: Path, tmp_path: Path
) -> None:
    model, out = repository / "examples" / "vww_96_int8.tflite", tmp_path / "Vww.zip"
    command = ["-m", "tflm_mcunet", "export", "arduino", str(model), "--board", "nano33ble"]
    run_installed(installed, [*command, "--mode", "layer", "--out", str(out)])
    names = zipfile.ZipFile(out).namelist()
    assert {"Vww/library.properties", "Vww/src/vww_96_int8.c", "Vww/src/tmc_runtime.c"} <= set(
        names
    )


@pytest.mark.parametrize("carried", ["tflm_mcunet/emulator/firmware", "tflm_mcunet/audio/c"])
def test_wheel_carries_what_is_no_python(carried: str, wheel: Path, repository: Path) -> None:
    originals = {p.relative_to(repository).as_posix() for p in (repository / carried).iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        assert originals and originals <= set(archive.namelist())
