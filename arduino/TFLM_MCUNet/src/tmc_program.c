// SPDX-License-Identifier: Apache-2.0
// Opens a program: finds its arrays in the bytes, then has them validated.
#include "tmc_program.h"

#include "tmc_kernels.h"
#include "tmc_runtime.h"
#include "tmc_validate.h"

static bool is_aligned(const void* pointer) { return (uintptr_t)pointer % 4 == 0; }

// Whether this runtime can read what follows the header at all.
static bool header_is_valid(const tmc_header* header, size_t byte_count, size_t parameter_count) {
  const uint64_t expected = sizeof(tmc_header) +
                            (uint64_t)header->tensor_count * sizeof(tmc_tensor) +
                            (uint64_t)header->op_count * sizeof(tmc_op) +
                            (uint64_t)header->group_count * sizeof(tmc_group) +
                            (uint64_t)header->stage_count * sizeof(tmc_stage);
  return header->magic == TMC_MAGIC && header->version == TMC_VERSION &&
         header->header_bytes == sizeof(tmc_header) && header->program_bytes == expected &&
         header->program_bytes <= byte_count && header->parameter_bytes <= parameter_count &&
         header->parameter_bytes <= INT32_MAX && header->arena_bytes <= INT32_MAX &&
         header->tensor_count <= INT16_MAX && header->group_count <= INT16_MAX &&
         header->stage_count >= 1;
}

static void locate_arrays(tmc_program* program, const tmc_header* header,
                          const uint8_t* parameters) {
  program->header = header;
  program->tensors = (const tmc_tensor*)(const void*)(header + 1);
  program->ops = (const tmc_op*)(const void*)(program->tensors + header->tensor_count);
  program->groups = (const tmc_group*)(const void*)(program->ops + header->op_count);
  program->stages = (const tmc_stage*)(const void*)(program->groups + header->group_count);
  program->parameters = parameters;
  program->kernels = &tmc_all_kernels;
}

tmc_status tmc_program_open(tmc_program* program, const void* bytes, size_t byte_count,
                            const void* parameters, size_t parameter_count) {
  static tmc_status (*const kChecks[])(const tmc_program*) = {
      tmc_validate_tensors,    tmc_validate_schedule,  tmc_validate_operators,
      tmc_validate_parameters, tmc_validate_data_flow,
  };
  const tmc_header* header = bytes;
  if (byte_count < sizeof(tmc_header) || !is_aligned(bytes) || !is_aligned(parameters) ||
      !header_is_valid(header, byte_count, parameter_count)) {
    return TMC_ERROR_FORMAT;
  }
  locate_arrays(program, header, parameters);
  for (size_t i = 0; i < sizeof kChecks / sizeof kChecks[0]; ++i) {
    const tmc_status status = kChecks[i](program);
    if (status != TMC_OK) {
      return status;
    }
  }
  return TMC_OK;
}
