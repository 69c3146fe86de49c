# SPDX-License-Identifier: Apache-2.0
"""Fixed-point functions of TensorFlow Lite's int8 kernels, element by element on arrays.

Values are int64 arrays that hold int32 quantities, so that no intermediate overflows; where
the C arithmetic wraps around, so does this one. A number with `integer_bits` integer bits
has 31 - integer_bits fractional bits: Q0.31 with none, Q5.26 with five. The functions are
those of the gemmlowp library's fixed-point class.
"""

from __future__ import annotations

import math

import numpy as np

INT32_MAX = 2**31 - 1
_ONE_Q2 = 1 << 29  # 1.0 with two integer bits


def _constant(real: float, *, integer_bits: int = 0) -> int:
    """The fixed-point number nearest to `real`."""
    return round(math.ldexp(real, 31 - integer_bits))


def wrap_to_int32(values: np.ndarray) -> np.ndarray:
    """Reduces int64 values modulo 2^32, as int32 arithmetic does."""
    return values.astype(np.int32).astype(np.int64)


def doubling_high_multiply(a: np.ndarray, b: np.ndarray | int, *, bits: int = 32) -> np.ndarray:
    """The high half of 2ab, rounded to nearest, ties upwards; `b` is not the least integer."""
    return (a * b + (1 << (bits - 2))) >> (bits - 1)


def rounding_shift_right(
    values: np.ndarray, shift: np.ndarray | int, *, bits: int = 32
) -> np.ndarray:
    """Divides by 2^shift, rounded to nearest, ties away from zero.

    With 16 bits and shifts above 15 the mask wraps around to -1, as it does in C.
    """
    mask = (1 << np.asarray(shift, np.int64)) - 1
    if bits == 16:
        mask = mask.astype(np.int16).astype(np.int64)
    threshold = (mask >> 1) + (values < 0)
    return (values >> shift) + ((values & mask) > threshold)


def multiply_by_quantized_multiplier(
    values: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int
) -> np.ndarray:
    """values * multiplier * 2^(shift - 31), rounded twice: after the product, after the shift.

    Args:
        values: int64[...].
        multiplier, shift: one of each, or one for each channel along the last axis; the
            multiplier is Q0.31, a positive shift is to the left.
    """
    left = np.maximum(shift, 0)
    right = np.maximum(-np.asarray(shift, np.int64), 0)
    multiplier = np.asarray(multiplier, np.int64)
    product = doubling_high_multiply(wrap_to_int32(values << left), multiplier)
    return rounding_shift_right(product, right)


def _exp_between_minus_one_quarter_and_0(x: np.ndarray) -> np.ndarray:
    """exp(x) for x in [-1/4, 0), Q0.31: the fourth-order Taylor polynomial around -1/8."""
    x = x + _constant(1 / 8)
    x2 = doubling_high_multiply(x, x)
    x3 = doubling_high_multiply(x2, x)
    x4 = doubling_high_multiply(x2, x2)
    third = doubling_high_multiply(rounding_shift_right(x4, 2) + x3, _constant(1 / 3))
    higher_terms = rounding_shift_right(third + x2, 1)
    at_centre = _constant(math.exp(-1 / 8))
    return at_centre + doubling_high_multiply(x + higher_terms, at_centre)


def exp_on_negative_values(x: np.ndarray, *, integer_bits: int) -> np.ndarray:
    """exp(x) for x <= 0 as Q0.31; `x` has 4 or 5 integer bits.

    x is split into -1/4 <= f < 0 and a multiple of 1/4, whose binary digits each contribute
    one constant factor exp(-2^k).
    """
    quarter = 1 << (29 - integer_bits)
    fraction = (x & (quarter - 1)) - quarter
    result = _exp_between_minus_one_quarter_and_0(fraction << integer_bits)
    digits = fraction - x
    for exponent in range(-2, integer_bits):
        bit = 1 << (31 - integer_bits + exponent)
        factor = _constant(math.exp(-(2.0**exponent)))
        result = np.where(digits & bit, doubling_high_multiply(result, factor), result)
    return np.where(x == 0, INT32_MAX, result)


def one_over_one_plus(x: np.ndarray) -> np.ndarray:
    """1 / (1 + x) for x in [0, 1], Q0.31: three Newton-Raphson steps towards 2 / (1 + x)."""
    half_denominator = (x + INT32_MAX + 1) >> 1
    estimate = _constant(48 / 17, integer_bits=2) + doubling_high_multiply(
        half_denominator, _constant(-32 / 17, integer_bits=2)
    )
    for _ in range(3):
        error = _ONE_Q2 - doubling_high_multiply(half_denominator, estimate)
        estimate = estimate + (doubling_high_multiply(estimate, error) << 2)
    return np.minimum(estimate << 1, INT32_MAX)


def logistic(x: np.ndarray, *, integer_bits: int) -> np.ndarray:
    """1 / (1 + exp(-x)) as Q0.31."""
    of_magnitude = one_over_one_plus(exp_on_negative_values(-np.abs(x), integer_bits=integer_bits))
    return np.select([x > 0, x < 0], [of_magnitude, INT32_MAX - of_magnitude], 1 << 30)
