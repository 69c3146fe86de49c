# SPDX-License-Identifier: Apache-2.0
"""Dependencies point one way, tflm_mcunet -> tflm_converters -> the C runtime, and stay light."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
CONVERTERS = REPOSITORY / "converters" / "tflm_converters"
RUNTIME = REPOSITORY / "arduino" / "TFLM_MCUNet" / "src"
HEAVY = {"PIL", "keras", "matplotlib", "soundfile", "tensorflow", "tf_keras", "tflite_micro"}
KNOWS_TFLM = "tmc_registration.h"
OUR_SOURCES = {".py", ".c", ".h", ".cc", ".cpp", ".ino", ".sh"}


def imported_packages(source: str) -> Iterator[str]:
    """Top-level names of everything that Python source imports, at any depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


def tracked_files() -> list[Path]:
    """What git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.splitlines() if (path := REPOSITORY / name).is_file()]


def test_converters_import_neither_the_package_above_nor_a_framework() -> None:
    forbidden = HEAVY | {"tflm_mcunet"}
    found = {
        str(path.relative_to(REPOSITORY)): offending
        for path in CONVERTERS.rglob("*.py")
        if (offending := forbidden & set(imported_packages(path.read_text(encoding="utf-8"))))
    }
    assert not found


def test_runtime_includes_only_itself_and_the_standard_library() -> None:
    own = {path.name for path in RUNTIME.rglob("*.h")}
    standard = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "arm_acle.h"}
    included = {
        name.split("/")[-1]
        for path in RUNTIME.rglob("*.[ch]")
        if path.name != KNOWS_TFLM
        for name in re.findall(r'#include ["<](.+)[">]', path.read_text(encoding="utf-8"))
    }
    assert included
    assert included <= own | standard


@pytest.mark.parametrize(
    "module",
    [
        "tflm_converters",
        "tflm_mcunet",
        "tflm_mcunet.audio",
        "tflm_mcunet.cli",
        "tflm_mcunet.tasks",
        "tflm_mcunet.zoo",
    ],
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(json.loads(result.stdout))


def test_every_source_names_its_licence_in_the_first_two_lines() -> None:
    sources = [p for p in tracked_files() if p.suffix in OUR_SOURCES and p.stat().st_size]
    assert len(sources) > 10
    unnamed = [
        str(path.relative_to(REPOSITORY))
        for path in sources
        if not any(
            "SPDX-License-Identifier: Apache-2.0" in line
            for line in path.read_text(encoding="utf-8").splitlines()[:2]
        )
    ]
    assert not unnamed
