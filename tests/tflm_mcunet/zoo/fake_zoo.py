# SPDX-License-Identifier: Apache-2.0
"""Zoos for tests: distributions on disk, and models small enough to be made in no time."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from tests.network_builder import NetworkBuilder
from tflm_converters import writer
from tflm_converters.graph import Graph
from tflm_mcunet.conversion import convert
from tflm_mcunet.zoo.catalogue import GROUP

HEIGHT, WIDTH = 9, 7  # of the network's photos
SCALE, OFFSET = 1 / 64, -2.0  # to the real numbers that the network takes
LABELS = ("nobody", "person")

ENTRY: dict[str, Any] = {
    "name": "tiny-photo",
    "version": "1.0",
    "task": "visual wake words",
    "title": "A network of random weights",
    "input": {
        "kind": "image",
        "height": HEIGHT,
        "width": WIDTH,
        "channels": 3,
        "scale": SCALE,
        "offset": OFFSET,
    },
    "output": {"kind": "classes", "labels": list(LABELS)},
    "quantization": "int8-ptq",
    "conversion": {},
    "data": [{"name": "random numbers", "licence": "CC0", "use": "training"}],
    "weights_licence": "Apache-2.0",
    "splits": "none",
    "intended_use": "tests",
    "limits": "knows nothing",
    "recipe": "python -m zoo.recipes.nothing",
    "test_sets": ["a set"],
    "sha256": {},
}


def hide_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distributions of this environment have no zoos; those made by `publish` do."""
    real = importlib.metadata.entry_points

    def only_fake(**selected: str) -> importlib.metadata.EntryPoints:
        points = real(**selected)
        return importlib.metadata.EntryPoints(p for p in points if p.name.startswith("fake-"))

    monkeypatch.setattr(importlib.metadata, "entry_points", only_fake)


def publish(site: Path, package: str, value: str | None = None) -> Path:
    """Installs a distribution with a zoo, as pip would; returns the folder for its models."""
    models = site / package / "models"
    models.mkdir(parents=True)
    program = "import pathlib\n\nMODELS = pathlib.Path(__file__).parent / 'models'\n"
    (site / package / "__init__.py").write_text(program)
    facts = site / f"{package}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    point = f"fake-{package} = {value or f'{package}:MODELS'}"
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\n{point}\n")
    return models


def network(*, float_io: bool = False) -> Graph:
    """A classifier of photos, with random weights; with float input and output if wanted."""
    builder = NetworkBuilder(seed=3)
    photo = builder.input(HEIGHT, WIDTH, 3, dtype="float32" if float_io else "int8")
    x = builder.conv(builder.quantize(photo) if float_io else photo, 8, kernel=3, stride=2)
    pooled = builder.mean(builder.conv(x, 8, kernel=3), keep_dims=False)
    answers = builder.softmax(builder.fully_connected(pooled, len(LABELS)))
    if float_io:
        builder.dequantize(answers)
    return builder.build()


def add_model(folder: Path, name: str, **changes: Any) -> Path:
    """Puts a model with all but results into a zoo; `changes` are fields of its entry."""
    model = folder / name
    model.mkdir()
    content = writer.write(network())
    (model / "model.tflite").write_bytes(content)
    conversion = changes.get("conversion", {})
    made = convert(model / "model.tflite", samples=0, **conversion)
    (model / "converted.tflite").write_bytes(made.model)
    sha256 = {file: digest(model / file) for file in ("model.tflite", "converted.tflite")}
    write_entry(model, **{"name": name, "sha256": sha256, **changes})
    return model


def write_entry(model: Path, **changes: Any) -> None:
    """Writes `entry.json` of a model; `changes` are fields of it."""
    (model / "entry.json").write_text(json.dumps(ENTRY | changes))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
