# SPDX-License-Identifier: Apache-2.0
"""Fixed-point functions against exact rational arithmetic and against the real functions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflm_converters import fixed_point

INT32 = st.integers(-(2**31), 2**31 - 1)
MULTIPLIER = st.integers(2**30, 2**31 - 1)


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def half_away(value: Fraction) -> int:
    return half_up(value) if value >= 0 else -half_up(-value)


@given(INT32, MULTIPLIER)
def test_doubling_high_multiply_rounds_ties_upwards(value: int, multiplier: int) -> None:
    product = fixed_point.doubling_high_multiply(np.array([value]), multiplier)
    assert product[0] == half_up(Fraction(value * multiplier, 2**31))


@given(INT32, st.integers(0, 31))
def test_rounding_shift_right_rounds_ties_away_from_zero(value: int, shift: int) -> None:
    shifted = fixed_point.rounding_shift_right(np.array([value]), shift)
    assert shifted[0] == half_away(Fraction(value, 2**shift))


@given(st.integers(-(2**20), 2**20), MULTIPLIER, st.integers(-31, 10))
def test_multiply_by_quantized_multiplier_rounds_twice(
    value: int, multiplier: int, shift: int
) -> None:
    scaled = fixed_point.multiply_by_quantized_multiplier(np.array([value]), multiplier, shift)
    once = half_up(Fraction(value * 2 ** max(shift, 0) * multiplier, 2**31))
    assert scaled[0] == half_away(Fraction(once, 2 ** max(-shift, 0)))


def test_left_shift_wraps_around_as_in_c() -> None:
    scaled = fixed_point.multiply_by_quantized_multiplier(np.array([2**30 + 3]), 2**30, 1)
    assert scaled[0] == -(2**30) + 3


def test_multipliers_apply_along_the_last_axis() -> None:
    values = np.array([[1000, 1000], [-1000, 3000]])
    scaled = fixed_point.multiply_by_quantized_multiplier(
        values, np.array([2**30, 2**30], np.int32), np.array([0, -1], np.int32)
    )
    assert scaled.tolist() == [[500, 250], [-500, 750]]


@pytest.mark.parametrize("integer_bits", [4, 5])
def test_exp_is_close_to_the_real_function(integer_bits: int) -> None:
    x = np.linspace(-(2.0 ** (integer_bits - 1)), 0, 4001)
    fixed = np.round(x * 2 ** (31 - integer_bits)).astype(np.int64)
    got = fixed_point.exp_on_negative_values(fixed, integer_bits=integer_bits)
    np.testing.assert_allclose(got / 2**31, np.exp(x), atol=2e-7)
    assert got[-1] == fixed_point.INT32_MAX


def test_one_over_one_plus_is_close_to_the_real_function() -> None:
    x = np.linspace(0, 1, 4001)
    got = fixed_point.one_over_one_plus(np.minimum(np.round(x * 2**31), 2**31 - 1).astype(np.int64))
    np.testing.assert_allclose(got / 2**31, 1 / (1 + x), atol=2e-8)


def test_logistic_is_close_to_the_real_function() -> None:
    x = np.linspace(-15.9, 15.9, 4001)
    got = fixed_point.logistic(np.round(x * 2**27).astype(np.int64), integer_bits=4)
    np.testing.assert_allclose(got / 2**31, 1 / (1 + np.exp(-x)), atol=2e-7)
