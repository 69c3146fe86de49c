# SPDX-License-Identifier: Apache-2.0
"""Which int8 variant becomes the model, and when there is a second one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tf_keras

from tflm_mcunet.quantization_report import Comparison
from zoo.recipes import keyword_int8
from zoo.recipes.keyword_int8 import FLOAT, PTQ, QAT

MADE: Any = SimpleNamespace(
    evaluation=lambda split, size: [(np.zeros((1, *size, 1), np.float32), np.zeros(1, np.int32))],
    train=lambda epoch, size: None,
)


@pytest.mark.parametrize(
    ("float32", "ptq", "qat", "chosen", "variants"),
    [
        (0.99, 0.986, 1.0, PTQ, {FLOAT, PTQ}),  # as good as float: nothing is trained
        (0.99, 0.95, 0.953, PTQ, {FLOAT, PTQ, QAT}),  # hardly better
        (0.99, 0.95, 0.98, QAT, {FLOAT, PTQ, QAT}),
    ],
)
def test_aware_of_quantization_where_that_is_clearly_better(
    float32: float,
    ptq: float,
    qat: float,
    chosen: str,
    variants: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def quantize(*_: Any, **options: Any) -> bytes:
        return b"qat" if "qat" in options else b"ptq"

    def compare(*_: Any, **options: Any) -> Comparison:
        return Comparison(float32, ptq, qat if options.get("qat") else None, ())

    monkeypatch.setattr(keyword_int8, "quantize", quantize)
    monkeypatch.setattr(keyword_int8.quantization_report, "compare", compare)
    model = tf_keras.Sequential([tf_keras.layers.Input((3, 2, 1)), tf_keras.layers.Flatten()])
    made = keyword_int8.quantized(model, MADE, progress=False)
    assert (made.chosen, set(made.files), set(made.validation)) == (chosen, variants, variants)
    assert made.files[PTQ] == b"ptq" and made.files.get(QAT, b"qat") == b"qat"
