// SPDX-License-Identifier: Apache-2.0
// A real FFT of N points is a complex one of N/2, whose real parts are the even samples and whose
// imaginary parts are the odd ones, and a last step that takes the two apart.
//
// Every step halves, so that no value ever exceeds sqrt(2) times the greatest sample, and samples
// of 16 bits times a window of 15 use 31 of the 32 bits: rounding stays far below what the
// quantization of the samples leaves, and no block exponent is needed.
#include "tmc_spectrum.h"

#include "tmc_simd.h"

typedef struct {
  int32_t real;
  int32_t imaginary;
} complex;

// a * b / 2^32, rounded to nearest, ties upwards: half of a product of Q0.31.
static inline int32_t half_product(int32_t a, int32_t b) {
#ifdef TMC_SIMD
  return tmc_rounding_high_mul(a, b);
#else
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32);
#endif
}

static inline int32_t saturate_to_int16(int32_t a) {
  return a > INT16_MAX ? INT16_MAX : a < INT16_MIN ? INT16_MIN : a;
}

// exp(-2 * pi * i * angle / size) for `angle` in [0, size / 4].
static inline complex rotation(const tmc_spectrum_tables* tables, uint32_t angle) {
  return (complex){tables->sine[tables->size / 4u - angle], -tables->sine[angle]};
}

static inline complex sum(complex a, complex b) {
  return (complex){a.real + b.real, a.imaginary + b.imaginary};
}

static inline complex difference(complex a, complex b) {
  return (complex){a.real - b.real, a.imaginary - b.imaginary};
}

static inline complex half_complex_product(complex a, complex b) {
  return (complex){
      half_product(a.real, b.real) - half_product(a.imaginary, b.imaginary),
      half_product(a.real, b.imaginary) + half_product(a.imaginary, b.real),
  };
}

// The index after `index` when both are counted with reversed bits.
static inline uint32_t next_reversed(uint32_t index, uint32_t count) {
  uint32_t bit = count / 2;
  for (; (index & bit) != 0; bit /= 2) {
    index ^= bit;
  }
  return index | bit;
}

// Windowed pairs of samples as complex numbers, Q0.30, in the order of reversed bits.
static void load(const tmc_spectrum_tables* tables, const int16_t* samples, int32_t stride,
                 int32_t mean, complex* points) {
  const uint32_t count = tables->size / 2u;
  const uint32_t last = tables->length - 1u;
  uint32_t place = 0;
  for (uint32_t i = 0; i < tables->length; i += 2) {
    const int32_t even = tables->window[i <= last / 2 ? i : last - i];
    const int32_t odd = tables->window[i + 1 <= last / 2 ? i + 1 : last - i - 1];
    points[place] = (complex){saturate_to_int16(samples[0] - mean) * even,
                              saturate_to_int16(samples[stride] - mean) * odd};
    samples += 2 * stride;
    place = next_reversed(place, count);
  }
  for (uint32_t i = tables->length; i < tables->size; i += 2) {
    points[place] = (complex){0, 0};
    place = next_reversed(place, count);
  }
}

// The first two steps on groups of four: their rotations, by 0 and by a quarter, are exact.
static void transform_quads(complex* points, uint32_t count) {
  for (complex* p = points; p < points + count; p += 4) {
    const complex a = {p[0].real >> 1, p[0].imaginary >> 1};
    const complex b = {p[1].real >> 1, p[1].imaginary >> 1};
    const complex c = {p[2].real >> 1, p[2].imaginary >> 1};
    const complex d = {p[3].real >> 1, p[3].imaginary >> 1};
    const complex first_sum = {(a.real + b.real) >> 1, (a.imaginary + b.imaginary) >> 1};
    const complex first_rest = {(a.real - b.real) >> 1, (a.imaginary - b.imaginary) >> 1};
    const complex second_sum = {(c.real + d.real) >> 1, (c.imaginary + d.imaginary) >> 1};
    const complex second_rest = {(c.imaginary - d.imaginary) >> 1, (d.real - c.real) >> 1};
    p[0] = sum(first_sum, second_sum);
    p[1] = sum(first_rest, second_rest);
    p[2] = difference(first_sum, second_sum);
    p[3] = difference(first_rest, second_rest);
  }
}

// Combines the pairs, `2 * half_span` apart, that turn by k and by k and a quarter circle: the
// second ones begin `half_span` behind the first.
TMC_NOINLINE static void transform_pairs(complex* p, const complex* end, uint32_t half_span,
                                         complex turn) {
  for (; p < end; p += 4 * half_span) {
    complex *a = p, *b = p + 2 * half_span;
    complex half = {a->real >> 1, a->imaginary >> 1};
    complex turned = half_complex_product(turn, *b);
    *a = (complex){half.real + turned.real, half.imaginary + turned.imaginary};
    *b = (complex){half.real - turned.real, half.imaginary - turned.imaginary};
    a += half_span;
    b += half_span;
    half = (complex){a->real >> 1, a->imaginary >> 1};
    turned = half_complex_product(turn, *b);
    *a = (complex){half.real + turned.imaginary, half.imaginary - turned.real};
    *b = (complex){half.real - turned.imaginary, half.imaginary + turned.real};
  }
}

// Decimation in time, in place.
static void transform(const tmc_spectrum_tables* tables, complex* points) {
  const uint32_t count = tables->size / 2u;
  transform_quads(points, count);
  for (uint32_t half_span = 2; half_span < count / 2; half_span *= 2) {
    const uint32_t step = count / 2 / half_span;
    for (uint32_t k = 0; k < half_span; ++k) {
      transform_pairs(points + k, points + count, half_span, rotation(tables, k * step));
    }
  }
}

// From the transform of pairs to that of samples. What even samples contribute to bins k and
// count - k is conjugate, and so, but for the sign, is what odd ones do.
static void separate(const tmc_spectrum_tables* tables, complex* points) {
  const uint32_t count = tables->size / 2u;
  const complex first = {points->real >> 1, points->imaginary >> 1};
  *points = (complex){first.real + first.imaginary, first.real - first.imaginary};
  for (uint32_t k = 1; k <= count / 2; ++k) {
    const complex a = {points[k].real >> 1, points[k].imaginary >> 1};
    const complex b = {points[count - k].real >> 1, points[count - k].imaginary >> 1};
    const complex even = {(a.real + b.real) >> 1, (a.imaginary - b.imaginary) >> 1};
    const complex odd = {a.imaginary + b.imaginary, b.real - a.real};
    const complex turned = half_complex_product(rotation(tables, k), odd);
    points[k] = (complex){even.real + turned.real, even.imaginary + turned.imaginary};
    points[count - k] = (complex){even.real - turned.real, turned.imaginary - even.imaginary};
  }
}

void tmc_spectrum(const tmc_spectrum_tables* tables, const int16_t* samples, int32_t stride,
                  int32_t mean, int32_t* spectrum) {
  complex* points = (complex*)(void*)spectrum;
  load(tables, samples, stride, mean, points);
  transform(tables, points);
  separate(tables, points);
}
