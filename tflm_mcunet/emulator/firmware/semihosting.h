// SPDX-License-Identifier: Apache-2.0
// Files of the host and the end of the program, by the Arm semihosting calls.
#ifndef TMC_FIRMWARE_SEMIHOSTING_H_
#define TMC_FIRMWARE_SEMIHOSTING_H_

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum semihosting_call {
  SEMIHOSTING_OPEN = 0x01,
  SEMIHOSTING_WRITE = 0x05,
  SEMIHOSTING_READ = 0x06,
  SEMIHOSTING_EXIT = 0x18,
};

enum semihosting_mode { SEMIHOSTING_READ_BINARY = 1, SEMIHOSTING_WRITE_BINARY = 5 };

#define SEMIHOSTING_APPLICATION_EXIT 0x20026u
#define SEMIHOSTING_RUN_TIME_ERROR 0x20023u

static inline int32_t semihosting(enum semihosting_call call, uintptr_t argument) {
  register uintptr_t r0 __asm__("r0") = (uintptr_t)call;
  register uintptr_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return (int32_t)r0;
}

// A handle, or -1.
static inline int32_t semihosting_open(const char* name, enum semihosting_mode mode) {
  const uintptr_t arguments[] = {(uintptr_t)name, (uintptr_t)mode, strlen(name)};
  return semihosting(SEMIHOSTING_OPEN, (uintptr_t)arguments);
}

// Whether all bytes were read: not at the end of the file.
static inline bool semihosting_read(int32_t file, void* data, uint32_t bytes) {
  const uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)data, bytes};
  return bytes == 0 || semihosting(SEMIHOSTING_READ, (uintptr_t)arguments) == 0;
}

static inline bool semihosting_write(int32_t file, const void* data, uint32_t bytes) {
  const uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)data, bytes};
  return bytes == 0 || semihosting(SEMIHOSTING_WRITE, (uintptr_t)arguments) == 0;
}

static inline void semihosting_exit(uint32_t reason) {
  semihosting(SEMIHOSTING_EXIT, reason);
  for (;;) {
  }
}

#endif  // TMC_FIRMWARE_SEMIHOSTING_H_
