// SPDX-License-Identifier: Apache-2.0
#include "tmc_ring.h"

bool tmc_ring_write(tmc_ring* ring, const int16_t* samples, uint32_t count) {
  const uint32_t written = ring->written;
  if (written + count - ring->taken > ring->capacity) {
    return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    ring->samples[(written + i) % ring->capacity] = samples[i];
  }
  ring->written = written + count;
  return true;
}

uint32_t tmc_ring_peek(const tmc_ring* ring, const int16_t** first) {
  const uint32_t at = ring->taken % ring->capacity;
  const uint32_t ready = ring->written - ring->taken;
  *first = &ring->samples[at];
  return ready < ring->capacity - at ? ready : ring->capacity - at;
}

void tmc_ring_take(tmc_ring* ring, uint32_t count) { ring->taken = ring->taken + count; }
