// SPDX-License-Identifier: Apache-2.0
// From reset to main: floating point, initial values, and what happens on a fault.
#include <stdint.h>

#include "semihosting.h"
#include "timer.h"

#define COPROCESSOR_ACCESS ((volatile uint32_t*)0xE000ED88)
#define FLOATING_POINT_ACCESS (0xFu << 20)
#define EXCEPTIONS 15

extern uint32_t data_begin[], data_end[], data_source[], stack_top[];
extern uint8_t bss_begin[], bss_end[];

int main(void);

void reset(void) {
  *COPROCESSOR_ACCESS |= FLOATING_POINT_ACCESS;
  __asm__ volatile("dsb\n isb" ::: "memory");
  const uint32_t* source = data_source;
  for (volatile uint32_t* word = data_begin; word < data_end; ++word) {
    *word = *source++;
  }
  for (volatile uint8_t* byte = bss_begin; byte < bss_end; ++byte) {
    *byte = 0;
  }
  timer_start();
  semihosting_exit(main() == 0 ? SEMIHOSTING_APPLICATION_EXIT : SEMIHOSTING_RUN_TIME_ERROR);
}

static void fault(void) { semihosting_exit(SEMIHOSTING_RUN_TIME_ERROR); }

typedef struct {
  void* initial_stack;
  void (*handlers[EXCEPTIONS])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table kVectors = {
    stack_top, {reset, fault, fault, fault, fault, fault}};
