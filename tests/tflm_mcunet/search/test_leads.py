# SPDX-License-Identifier: Apache-2.0
"""The closed forms beside the maxima that they stand for, found by trying everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflm_mcunet.search.leads import (
    Output,
    Reading,
    lead_across_groups,
    lead_before_writer,
    lead_in_writer,
)


def _case(seed: int) -> tuple[dict[str, int], Reading, Output]:
    rng = np.random.default_rng(seed)
    stride_rows, stride_cols = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    height, width = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    scale, offset = int(rng.integers(1, 4)), int(rng.integers(0, 4))
    v = {
        "height": height * stride_rows * scale,
        "width": width * stride_cols,
        "channels": int(rng.integers(1, 9)),
        "stride_rows": stride_rows,
        "stride_cols": stride_cols,
        "pad_top": int(rng.integers(0, 4)),
        "pad_left": int(rng.integers(0, 4)),
        "out_height": height,
        "out_width": width,
        "out_channels": int(rng.integers(1, 9)),
        "scale": scale,
        "offset": offset,
    }

    def one(value: int) -> np.ndarray:
        return np.array([[value]], dtype=np.int32)

    named: dict[str, Any] = {
        name: one(v[name])
        for name in ("height", "channels", "stride_rows", "stride_cols", "pad_top", "pad_left")
    }
    reading = Reading(
        **named,
        position=one(0),
        row_bytes=one(v["width"] * v["channels"]),
        reader_height=one(height * scale),
        scale=one(1),
        offset=one(0),
    )
    output = Output(
        one(height), one(width), one(v["out_channels"]), one(scale), one(offset), position=1
    )
    return v, reading, output


def _tiles(v: dict[str, int]) -> tuple[list[int], list[int]]:
    """Of each pixel of the output: the byte behind it, and the first byte of the input read."""
    ends, reads = [], []
    for y in range(v["out_height"]):
        for x in range(v["out_width"]):
            ends.append((y * v["out_width"] + x + 1) * v["out_channels"])
            top = max(y * v["stride_rows"] - v["pad_top"], 0)
            left = max(x * v["stride_cols"] - v["pad_left"], 0)
            reads.append((top * v["width"] + left) * v["channels"])
    return ends, reads


@pytest.mark.parametrize("seed", range(60))
def test_leads_inside_a_group(seed: int) -> None:
    v, reading, output = _case(seed)
    ends, reads = _tiles(v)
    expected = max(end - read for end, read in zip(ends, reads, strict=True))
    assert lead_in_writer(reading, output)[0, 0] == expected
    later = [*reads[1:], v["height"] * v["width"] * v["channels"]]
    expected = max(end - read for end, read in zip(ends, later, strict=True))
    assert lead_before_writer(reading, output)[0, 0] == expected


@pytest.mark.parametrize("seed", range(60))
def test_lead_across_groups(seed: int) -> None:
    v, reading, output = _case(seed)
    leads = [0]
    for rows in range(1, v["out_height"] + 1):
        made = v["scale"] * rows + v["offset"]
        dead = max(made * v["stride_rows"] - v["pad_top"], 0)
        if made >= v["out_height"] * v["scale"]:
            dead = v["height"]
        dead = min(dead, v["height"]) * v["width"] * v["channels"]
        leads.append(rows * v["out_width"] * v["out_channels"] - dead)
    assert lead_across_groups(reading, output)[0, 0] == max(leads)
