// SPDX-License-Identifier: Apache-2.0
#include "tmc_log_mel.h"

#include <string.h>

uint32_t tmc_log_mel_push(tmc_log_mel* stream, const tmc_log_mel_tables* tables,
                          const int16_t* samples, uint32_t count) {
  const uint32_t room = tables->spectrum.length - stream->filled;
  const uint32_t taken = count < room ? count : room;
  memcpy(stream->samples + stream->filled, samples, taken * sizeof *samples);
  stream->filled += taken;
  return taken;
}

// Energies of all bins together are at most 1, since those of the samples are: with 12 bits less,
// their sum times a weight of 15 bits fits 64.
enum { ENERGY_SHIFT = 12, WEIGHT_BITS = 15 };

static void features(const tmc_log_mel_tables* tables, const int32_t* spectrum, int8_t* row) {
  const uint16_t* falling = tables->falling;
  uint64_t risen = 0;  // what the filter has from the band before its centre
  for (uint32_t band = 0; band <= tables->bins; ++band) {
    uint64_t energy = 0, fallen = 0;
    for (uint32_t k = tables->edges[band]; k < tables->edges[band + 1]; ++k) {
      const uint64_t of_bin = tmc_energy(spectrum, k) >> ENERGY_SHIFT;
      energy += of_bin;
      fallen += of_bin * *falling++;
    }
    if (band > 0) {
      row[band - 1] = tmc_level_of(&tables->level, risen + fallen);
    }
    risen = (energy << WEIGHT_BITS) - fallen;
  }
}

bool tmc_log_mel_row(tmc_log_mel* stream, const tmc_log_mel_tables* tables, int32_t* scratch,
                     int8_t* row) {
  const uint32_t length = tables->spectrum.length;
  if (stream->filled < length) {
    return false;
  }
  tmc_spectrum(&tables->spectrum, stream->samples, 1, 0, scratch);
  features(tables, scratch, row);
  stream->filled = length - tables->hop;
  memmove(stream->samples, stream->samples + tables->hop, stream->filled * sizeof(int16_t));
  return true;
}
