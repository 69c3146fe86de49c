// SPDX-License-Identifier: Apache-2.0
// Damages a program in many ways and runs whatever the runtime accepts. Every array has exactly
// its size, so that the address sanitizer sees each byte too far. Prints how many damaged
// programs were accepted, refused when opened, and stopped while they ran.
//
//   fuzz_program FILE SEED COUNT
//
// FILE: the sizes of the program and of the parameters (uint32_t), then both.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmc_runtime.h"

enum { MAX_CHANGES = 4, MAX_ARENA_BYTES = 1 << 22 };

typedef struct {
  uint8_t* bytes;
  uint32_t count;
} blob;

typedef struct {
  long accepted;
  long refused;
  long stopped;
} tally;

static uint64_t random_state;

// SplitMix64.
static uint32_t random_below(uint32_t bound) {
  uint64_t x = random_state += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)((x ^ (x >> 31)) >> 32) % bound;
}

static void* allocate(size_t count) {
  void* bytes = malloc(count);
  if (bytes == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(2);
  }
  return bytes;
}

static blob read_blob(FILE* file, uint32_t count) {
  blob result = {allocate(count), count};
  if (fread(result.bytes, 1, count, file) != count) {
    fprintf(stderr, "the file is shorter than its sizes say\n");
    exit(2);
  }
  return result;
}

static blob copy_of(blob original, uint32_t count) {
  blob result = {allocate(count), count};
  memcpy(result.bytes, original.bytes, count);
  return result;
}

// Changes a field of 1, 2 or 4 bytes: to an extreme, to a neighbour, by a bit, or at random.
static void damage(blob target) {
  const uint32_t width = 1u << random_below(3);
  if (target.count < width) {
    return;
  }
  const uint32_t offset = random_below(target.count / width) * width;
  uint32_t value = 0;
  memcpy(&value, target.bytes + offset, width);
  switch (random_below(6)) {
    case 0:
      value = 0;
      break;
    case 1:
      value = UINT32_MAX >> random_below(2);
      break;
    case 2:
      value += random_below(9) - 4;
      break;
    case 3:
      value ^= 1u << random_below(8 * width);
      break;
    case 4:
      value = random_below(64);
      break;
    default:
      value = random_below(UINT32_MAX);
  }
  memcpy(target.bytes + offset, &value, width);
}

static tmc_status feed_rows(const tmc_program* program, uint8_t* arena) {
  const tmc_tensor* fed = &program->tensors[program->header->row_fed_tensor];
  const size_t row_bytes = (size_t)fed->width * fed->channels;
  int8_t* row = allocate(row_bytes);
  memset(row, 77, row_bytes);
  tmc_status status = tmc_program_begin(program, arena, program->header->arena_bytes);
  for (int32_t y = 0; y < fed->height && status >= TMC_OK; ++y) {
    status = tmc_program_push_row(program, arena, row);
  }
  free(row);
  return status;
}

static tmc_status execute(const tmc_program* program) {
  const uint32_t arena_bytes = program->header->arena_bytes;
  uint8_t* arena = allocate(arena_bytes);
  for (uint32_t i = 0; i < arena_bytes; ++i) {
    arena[i] = (uint8_t)random_below(256);
  }
  const tmc_status status = program->header->row_fed_tensor == TMC_NONE
                                ? tmc_program_run(program, arena, arena_bytes)
                                : feed_rows(program, arena);
  free(arena);
  return status;
}

static void try_damaged(blob options, blob parameters, tally* results) {
  // Now and then, the end is missing.
  const uint32_t missing = random_below(20) == 0 ? random_below(options.count) : 0;
  blob damaged_options = copy_of(options, options.count - missing);
  blob damaged_parameters = copy_of(parameters, parameters.count);
  for (uint32_t changes = 1 + random_below(MAX_CHANGES); changes > 0; --changes) {
    damage(random_below(8) == 0 ? damaged_parameters : damaged_options);
  }
  tmc_program program;
  if (tmc_program_open(&program, damaged_options.bytes, damaged_options.count,
                       damaged_parameters.bytes, damaged_parameters.count) != TMC_OK ||
      program.header->arena_bytes > MAX_ARENA_BYTES) {
    ++results->refused;
  } else if (execute(&program) == TMC_OK) {
    ++results->accepted;
  } else {
    ++results->stopped;
  }
  free(damaged_options.bytes);
  free(damaged_parameters.bytes);
}

int main(int argc, char** argv) {
  FILE* file = argc == 4 ? fopen(argv[1], "rb") : NULL;
  uint32_t sizes[2];
  if (file == NULL || fread(sizes, sizeof sizes, 1, file) != 1) {
    fprintf(stderr, "usage: fuzz_program FILE SEED COUNT\n");
    return 2;
  }
  const blob options = read_blob(file, sizes[0]);
  const blob parameters = read_blob(file, sizes[1]);
  fclose(file);
  random_state = strtoull(argv[2], NULL, 10);
  tally results = {0, 0, 0};
  for (long count = strtol(argv[3], NULL, 10); count > 0; --count) {
    try_damaged(options, parameters, &results);
  }
  free(options.bytes);
  free(parameters.bytes);
  printf("%ld %ld %ld\n", results.accepted, results.refused, results.stopped);
  return 0;
}
