# SPDX-License-Identifier: Apache-2.0
"""The wheel carries the models, and what is installed from it is found and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
NAME = "tiny-photo"
PROGRAM = """
import numpy as np
from tflm_mcunet import zoo
print(NAME in zoo.names())
model = zoo.load(NAME)
print(model.path)
print(model.predict(np.zeros((20, 20, 3), np.uint8)).label)
""".replace("NAME", repr(NAME))


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy with one more model than there is."""
    work = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(repository / "zoo", work / "copy", ignore=ignored)
    fake_zoo.add_model(work / "copy" / "tflm_mcunet_zoo" / "models", NAME)
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), "."]
    subprocess.run(build, cwd=work / "copy", check=True)
    (built,) = work.glob("*.whl")
    return built


def test_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.stem.split("-")[0] == "tflm_mcunet_zoo"
    assert wheel.stem.endswith("-py3-none-any")


def test_wheel_carries_the_files_of_all_models(wheel: Path, repository: Path) -> None:
    models = repository / "zoo" / "tflm_mcunet_zoo" / "models"
    committed = {f"models/{p.relative_to(models).as_posix()}" for p in models.glob("*/*")}
    added = {f"models/{NAME}/{f}" for f in ("model.tflite", "converted.tflite", "entry.json")}
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix("tflm_mcunet_zoo/") for name in archive.namelist()}
    assert committed | added <= names
    assert not any("recipes" in name for name in names)


def test_installed_models_are_found_and_run(wheel: Path, repository: Path, tmp_path: Path) -> None:
    subprocess.run(
        [*PIP, "install", "--no-deps", "--target", str(tmp_path), str(wheel)], check=True
    )
    path = os.pathsep.join(map(str, (tmp_path, repository, repository / "converters")))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found, model, label = done.stdout.splitlines()
    assert found == "True"
    assert Path(model).is_relative_to(tmp_path)
    assert label in fake_zoo.LABELS
