// SPDX-License-Identifier: Apache-2.0
// Runs a model on every sample of the file input.bin and writes what came of it to output.bin.
//
// A sample is an image of the arena with the guard bytes around it, and the rows of the input
// if the program is row-fed. What comes of it: a result, and the same piece of memory afterwards.
// What the images mean is known to the host alone. As in exported C, nothing is validated here, and
// no other kernels are linked than those that the program needs.
#include "harness.h"

#include "profile.h"
#include "semihosting.h"
#include "timer.h"
#include "tmc_kernels.h"
#include "tmc_runtime.h"

#define UNTOUCHED 0xA5C3E177u

extern const uint8_t model_program[], model_parameters[];
extern const tmc_kernel_table model_kernels;
extern uint8_t model_arena[], model_arena_end[], image_begin[], image_end[];
extern uint32_t stack_limit[], stack_top[];
extern int8_t staging[];  // memory behind everything else

typedef struct {
  int32_t status;
  uint32_t ticks;
  uint32_t stack_bytes;
} result;

__attribute__((noinline)) static void paint_stack(void) {
  const uint32_t* stack_pointer;
  __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
  for (volatile uint32_t* word = stack_limit; word < stack_pointer; ++word) {
    *word = UNTOUCHED;
  }
}

// Most bytes that the stack has ever held since it was painted, those of main included.
static uint32_t stack_used(void) {
  const volatile uint32_t* word = stack_limit;
  while (word < stack_top && *word == UNTOUCHED) {
    ++word;
  }
  return (uint32_t)((const uint8_t*)stack_top - (const uint8_t*)word);
}

static uint32_t arena_bytes(void) { return (uint32_t)(model_arena_end - model_arena); }

static tmc_program program;  // in exported C it is a constant

// The arrays follow one another, as tmc_program.h says.
static tmc_program locate_model(void) {
  const tmc_header* header = (const tmc_header*)(const void*)model_program;
  const tmc_tensor* tensors = (const tmc_tensor*)(const void*)(header + 1);
  const tmc_op* ops = (const tmc_op*)(const void*)(tensors + header->tensor_count);
  const tmc_group* groups = (const tmc_group*)(const void*)(ops + header->op_count);
  const tmc_stage* stages = (const tmc_stage*)(const void*)(groups + header->group_count);
  return (tmc_program){header, tensors, ops, groups, stages, model_parameters, &model_kernels};
}

static uint32_t fed_bytes(void) {
  const int16_t index = program.header->row_fed_tensor;
  const tmc_tensor* fed = &program.tensors[index];
  return index == TMC_NONE ? 0 : (uint32_t)fed->height * fed->width * fed->channels;
}

static bool read_sample(int32_t file) {
  return semihosting_read(file, image_begin, (uint32_t)(image_end - image_begin)) &&
         semihosting_read(file, staging, fed_bytes());
}

static bool write_result(int32_t file, const result* result) {
  return semihosting_write(file, result, sizeof(*result)) &&
         semihosting_write(file, image_begin, (uint32_t)(image_end - image_begin));
}

int main(void) {
  const int32_t input = semihosting_open("input.bin", SEMIHOSTING_READ_BINARY);
  const int32_t output = semihosting_open("output.bin", SEMIHOSTING_WRITE_BINARY);
  paint_stack();
  program = locate_model();
  bool written = true;
  while (written && read_sample(input)) {
    profile_start(program.ops);
    const uint32_t begin = timer_now();
    const tmc_status status = harness_infer(&program, model_arena, arena_bytes(), staging);
    const uint32_t ticks = timer_now() - begin;
    written = write_result(output, &(result){status, ticks, stack_used()}) &&
              profile_write(output, program.header->op_count);
  }
  return !written;
}
