// SPDX-License-Identifier: Apache-2.0
// Timer 0 of the CMSDK, which counts down at 25 MHz. With one instruction per nanosecond of
// virtual time, a tick is 40 instructions.
#ifndef TMC_FIRMWARE_TIMER_H_
#define TMC_FIRMWARE_TIMER_H_

#include <stdint.h>

typedef struct {
  volatile uint32_t control;
  volatile uint32_t value;
  volatile uint32_t reload;
} timer_registers;

#define TIMER0 ((timer_registers*)0x40000000)

static inline void timer_start(void) {
  TIMER0->reload = UINT32_MAX;
  TIMER0->value = UINT32_MAX;
  TIMER0->control = 1;
}

static inline uint32_t timer_now(void) { return UINT32_MAX - TIMER0->value; }

#endif  // TMC_FIRMWARE_TIMER_H_
