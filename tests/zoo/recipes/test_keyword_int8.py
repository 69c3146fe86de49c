# SPDX-License-Identifier: Apache-2.0
"""Which int8 variant becomes the model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tf_keras

from tflm_mcunet.quantization_report import Comparison
from zoo.recipes import int8_variants, keyword_int8
from zoo.recipes.int8_variants import FLOAT, PTQ, QAT

MADE: Any = SimpleNamespace(
    evaluation=lambda split, size: [(np.zeros((1, *size, 1), np.float32), np.zeros(1, np.int32))],
)


@pytest.mark.parametrize(
    ("ptq", "qat", "chosen"),
    [(0.95, 0.953, PTQ), (0.95, 0.98, QAT), (0.98, 0.95, PTQ)],  # the first: hardly better
)
def test_aware_of_quantization_where_that_is_clearly_better(
    ptq: float, qat: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: Any, **__: Any) -> Comparison:
        return Comparison(0.99, ptq, qat, ())

    monkeypatch.setattr(keyword_int8, "quantize", lambda *_: b"ptq")
    monkeypatch.setattr(int8_variants, "aware", lambda *_, **__: b"qat")
    monkeypatch.setattr(keyword_int8.quantization_report, "compare", compare)
    model = tf_keras.Sequential([tf_keras.layers.Input((3, 2, 1)), tf_keras.layers.Flatten()])
    made = keyword_int8.quantized(model, MADE, progress=False)
    assert (made.chosen, made.validation) == (chosen, {FLOAT: 0.99, PTQ: ptq, QAT: qat})
    assert (made.files[PTQ], made.files[QAT], set(made.files)) == (
        b"ptq",
        b"qat",
        {FLOAT, PTQ, QAT},
    )
