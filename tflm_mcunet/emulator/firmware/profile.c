// SPDX-License-Identifier: Apache-2.0
// The linker puts each function here in the place of the kernel that it is named after
// (--wrap). KERNELS is given by the command line: WRAP(kernel) for every kernel.
#include "profile.h"

#include <string.h>

#include "semihosting.h"
#include "timer.h"
#include "tmc_kernels.h"

#define MAX_OPS 4096

typedef struct {
  uint32_t ticks;
  uint32_t calls;
} op_profile;

static const tmc_op* first_op;
static op_profile profiles[MAX_OPS];

void profile_start(const tmc_op* ops) {
  first_op = ops;
  memset(profiles, 0, sizeof(profiles));
}

bool profile_write(int32_t file, uint32_t op_count) {
  return op_count <= MAX_OPS && semihosting_write(file, profiles, op_count * sizeof(op_profile));
}

static void account(const tmc_call* call, uint32_t ticks) {
  op_profile* profile = &profiles[call->op - first_op];
  profile->ticks += ticks;
  ++profile->calls;
}

#define WRAP(kernel)                           \
  void __real_##kernel(const tmc_call* call);  \
  void __wrap_##kernel(const tmc_call* call) { \
    const uint32_t begin = timer_now();        \
    __real_##kernel(call);                     \
    account(call, timer_now() - begin);        \
  }

KERNELS
