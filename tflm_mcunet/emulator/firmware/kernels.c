// SPDX-License-Identifier: Apache-2.0
// The kernels that the model needs, from the file of this name.
#include "tmc_kernels.h"

const tmc_kernel_table model_kernels = {
#include "kernels.inc"
};
