// SPDX-License-Identifier: Apache-2.0
// Runs the log-mel front end on the samples of the file input.bin, a hop at a time, and writes for
// each row its features and two times: of the whole row, and of its spectrum alone.
#include "bench_log_mel.h"
#include "semihosting.h"
#include "timer.h"

typedef struct {
  uint32_t row_ticks;
  uint32_t spectrum_ticks;
  int8_t row[BENCH_LOG_MEL_BINS];
} result;

static int16_t samples[BENCH_LOG_MEL_WINDOW], hop[BENCH_LOG_MEL_HOP];
static int32_t scratch[BENCH_LOG_MEL_SCRATCH];

static uint32_t spectrum_ticks(void) {
  const uint32_t begin = timer_now();
  tmc_spectrum(&bench_log_mel.spectrum, samples, 1, 0, scratch);
  return timer_now() - begin;
}

int main(void) {
  const int32_t input = semihosting_open("input.bin", SEMIHOSTING_READ_BINARY);
  const int32_t output = semihosting_open("output.bin", SEMIHOSTING_WRITE_BINARY);
  tmc_log_mel stream = tmc_log_mel_begin(samples);
  bool written = true;
  while (written && semihosting_read(input, hop, sizeof hop)) {
    result result;
    uint32_t begin = timer_now();
    const uint32_t taken = tmc_log_mel_push(&stream, &bench_log_mel, hop, BENCH_LOG_MEL_HOP);
    uint32_t ticks = timer_now() - begin;
    if (stream.filled == BENCH_LOG_MEL_WINDOW) {
      result.spectrum_ticks = spectrum_ticks();
    }
    begin = timer_now();
    const bool made = tmc_log_mel_row(&stream, &bench_log_mel, scratch, result.row);
    result.row_ticks = ticks + (timer_now() - begin);
    tmc_log_mel_push(&stream, &bench_log_mel, hop + taken, BENCH_LOG_MEL_HOP - taken);
    written = !made || semihosting_write(output, &result, sizeof result);
  }
  return !written;
}
