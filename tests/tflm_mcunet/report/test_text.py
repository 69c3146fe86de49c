# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tflm_mcunet.report.text import Table, shape_text, short_name


def test_text_is_left_and_figures_are_right() -> None:
    table = Table(("<name", "bytes", "<"), (("a", "1,000", ""), ("long", "2", "peak")))
    assert str(table).splitlines() == [
        "name  bytes",
        "────  ─────",
        "a     1,000",
        "long      2  peak",
    ]


def test_a_row_of_another_length_is_a_defect() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        str(Table(("a", "b"), (("1",),)))


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("input", "input"),
        ("model/activation_9/Relu;model/bn_9/FusedBatchNormV3", "activation_9/Relu"),
        ("a" * 40, "a" * 27 + "…"),
        ("", ""),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert short_name(name) == short


def test_shapes() -> None:
    assert shape_text((1, 96, 96, 3)) == "1×96×96×3"
