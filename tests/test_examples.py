# SPDX-License-Identifier: Apache-2.0
"""The example models are what their README says they are."""

from __future__ import annotations

import hashlib
from pathlib import Path


def test_every_model_has_its_checksum_in_the_readme(repository: Path) -> None:
    readme = (repository / "examples" / "README.md").read_text(encoding="utf-8")
    models = sorted((repository / "examples").glob("*.tflite"))
    assert len(models) == 2
    for model in models:
        assert f"`{model.name}`" in readme
        assert hashlib.sha256(model.read_bytes()).hexdigest() in readme
