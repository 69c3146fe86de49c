# SPDX-License-Identifier: Apache-2.0
"""Names, shapes and tables, as terminals, pictures and pages show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

_LONGEST_NAME = 28


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells with headers; a header that begins with '<' is that of a text column.

    Text columns are aligned to the left, columns of figures to the right.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(header.removeprefix("<") for header in self.headers)

    @property
    def is_text(self) -> tuple[bool, ...]:
        """For each column, whether it is aligned to the left."""
        return tuple(header.startswith("<") for header in self.headers)

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.titles, *self.rows, strict=True)]
        rule = ["─" * width * bool(t) for t, width in zip(self.titles, widths, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if is_text else cell.rjust(width)
                for cell, width, is_text in zip(line, widths, self.is_text, strict=True)
            ).rstrip()
            for line in (self.titles, rule, *self.rows)
        )

    @property
    def markdown(self) -> str:
        """As GitHub shows it."""
        rule = ["---" if is_text else "---:" for is_text in self.is_text]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.titles, rule, *self.rows))


def short_name(name: str) -> str:
    """The telling part of a tensor's name.

    Converters chain the names of all fused nodes with ';' and put the model's name first.

    Example:
        >>> short_name("model/activation_9/Relu;model/batch_normalization_9/FusedBatchNormV3")
        'activation_9/Relu'
    """
    name = "/".join(name.split(";")[0].split("/")[-2:])
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it: 1×96×96×3."""
    return "×".join(map(str, shape))
