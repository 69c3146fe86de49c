// SPDX-License-Identifier: Apache-2.0
// Samples that an interrupt writes and a sketch reads, each at its own pace. One writer and one
// reader need no lock: each changes only its own counter, and a counter is one word.
#ifndef TMC_RING_H_
#define TMC_RING_H_

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A ring whose counters are 0 is empty.
typedef struct {
  int16_t* samples;
  uint32_t capacity;  // a power of two, so that counters may wrap
  volatile uint32_t written;
  volatile uint32_t taken;
} tmc_ring;

// Appends samples. False: they do not fit, and none is written.
bool tmc_ring_write(tmc_ring* ring, const int16_t* samples, uint32_t count);

// How many of the oldest samples lie in one piece, which begins at `first`; 0 if there are none.
uint32_t tmc_ring_peek(const tmc_ring* ring, const int16_t** first);

// Makes room: drops the oldest samples, no more than `tmc_ring_peek` says.
void tmc_ring_take(tmc_ring* ring, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif  // TMC_RING_H_
