# SPDX-License-Identifier: Apache-2.0
"""Bands of whole tensors and of line buffers, by hand."""

from __future__ import annotations

import numpy as np

from tflm_converters.memory.bands import one_band, row_bands, slot_bands


def test_one_band() -> None:
    assert one_band(12, 3, 7).tolist() == [[0, 12, 3, 7]]


def test_rows_of_one_lifetime_are_one_band() -> None:
    written, read = np.array([0, 0, 0, 1]), np.array([4, 4, 5, 5])
    assert row_bands(written, read, 10).tolist() == [[0, 20, 0, 4], [20, 30, 0, 5], [30, 40, 1, 5]]


def test_a_slot_lives_from_its_first_row_to_its_last() -> None:
    """Five rows in two slots: rows 0, 2 and 4 share the first, rows 1 and 3 the second."""
    written, read = np.array([0, 1, 3, 4, 6]), np.array([1, 3, 4, 6, 9])
    assert slot_bands(written, read, 2, 8).tolist() == [[0, 8, 0, 9], [8, 16, 1, 6]]
