# SPDX-License-Identifier: Apache-2.0
"""Puts the table of results/memory.json into README.md, between its markers.

python -m benchmarks.update_readme
"""

from __future__ import annotations

from benchmarks import memory_page, results
from benchmarks.models import REPOSITORY

BEGIN, END = "<!-- memory:begin -->", "<!-- memory:end -->"


def main() -> None:
    readme = REPOSITORY / "README.md"
    text = readme.read_text(encoding="utf-8")
    table = memory_page.summary(results.read("memory"))
    readme.write_text(replaced(text, table), encoding="utf-8")


def replaced(text: str, table: str) -> str:
    """A text with what stands between the markers replaced.

    Raises:
        ValueError: the markers are not both there, in order and once.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in after:
        raise ValueError(f"expected {BEGIN} and, after it, {END} once in README.md")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def between(text: str) -> str:
    """What stands between the markers."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


if __name__ == "__main__":
    main()
