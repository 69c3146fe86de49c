# SPDX-License-Identifier: Apache-2.0
"""The Arduino library is one: the real builder compiles its examples, and they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arduino import sketches

LIBRARY = Path(__file__).parents[2] / "arduino" / "TFLM_MCUNet"
EXAMPLES = sorted(LIBRARY.glob("examples/*/*.ino"))
REQUIRED = set(
    "name version author maintainer sentence paragraph category url architectures".split()
)


def test_properties_are_complete() -> None:
    lines = (LIBRARY / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert set(properties) >= REQUIRED
    assert properties["name"] == LIBRARY.name
    assert (LIBRARY / "src" / properties["includes"]).is_file()


def test_keywords_exist() -> None:
    sources = "".join(path.read_text() for path in LIBRARY.glob("src/*.h"))
    for line in (LIBRARY / "keywords.txt").read_text().splitlines():
        word, kind = line.split("\t")
        assert word in sources
        assert kind in {"KEYWORD1", "KEYWORD2", "LITERAL1"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    elf = sketches.build(example, LIBRARY.parent, tmp_path)
    lines = sketches.run(elf).splitlines()
    assert lines == ["6 7 14 -11", "self test passed"] * 3
