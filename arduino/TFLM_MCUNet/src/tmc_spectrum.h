// SPDX-License-Identifier: Apache-2.0
// Spectra of int16_t signals in fixed point: window, real FFT, energies. The same bits everywhere.
#ifndef TMC_SPECTRUM_H_
#define TMC_SPECTRUM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What the transform needs to know; the arrays are constant and lie in flash.
//
// `window`: the first half of a symmetric window, Q0.15, `length / 2` values.
// `sine`: sin(2 * pi * i / size) for i in [0, size / 4], Q0.31.
typedef struct {
  uint16_t length;  // samples of a frame: even, at most `size`, zero-padded to it
  uint16_t size;    // points of the transform: a power of two, at least 8
  const int16_t* window;
  const int32_t* sine;
} tmc_spectrum_tables;

// The spectrum of a frame, whose samples lie `stride` int16_t apart; `mean` is subtracted from
// each, saturating. Results go to `spectrum`, `size` words: real and imaginary part of bin k in
// words 2k and 2k + 1, the bin at half the sampling rate, which is real, in word 1. They are the
// DFT of (sample / 2^15) * window, divided by `size`, in Q0.30, to within a few units; nothing
// overflows, whatever the samples.
void tmc_spectrum(const tmc_spectrum_tables* tables, const int16_t* samples, int32_t stride,
                  int32_t mean, int32_t* spectrum);

// The energy of bin `k`, in [1, size / 2), Q0.60.
static inline uint64_t tmc_energy(const int32_t* spectrum, uint32_t k) {
  const int64_t real = spectrum[2 * k];
  const int64_t imaginary = spectrum[2 * k + 1];
  return (uint64_t)(real * real + imaginary * imaginary);
}

#ifdef __cplusplus
}
#endif

#endif  // TMC_SPECTRUM_H_
