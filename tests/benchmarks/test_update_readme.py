# SPDX-License-Identifier: Apache-2.0
"""The table in README.md is replaced, and nothing else is touched."""

from __future__ import annotations

import pytest

from benchmarks.update_readme import BEGIN, END, between, replaced


def test_only_the_text_between_the_markers_changes() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = replaced(text, "| new |\n| table |")
    assert new == f"before\n{BEGIN}\n| new |\n| table |\n{END}\nafter\n"
    assert between(new) == "| new |\n| table |"


@pytest.mark.parametrize(
    "text",
    ["", BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN} {END} {END}"],
)
def test_missing_or_repeated_markers_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="README"):
        replaced(text, "table")
