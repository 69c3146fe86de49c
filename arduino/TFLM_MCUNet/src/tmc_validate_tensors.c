// SPDX-License-Identifier: Apache-2.0
// Tensors: every buffer is inside the arena and holds the rows that its storage promises.
#include "tmc_validate.h"

// A pixel row is the least that any buffer holds; whole tensors hold rows of full width.
static bool rows_fit(const tmc_tensor* tensor, bool has_whole_rows) {
  const uint64_t pixel_bytes = (uint64_t)tensor->channels * tensor->element_size;
  const uint64_t row_bytes = has_whole_rows ? tensor->width * pixel_bytes : pixel_bytes;
  return tensor->pitch >= row_bytes && (uint64_t)tensor->slots * tensor->pitch <= tensor->bytes;
}

static bool layout_is_valid(const tmc_tensor* tensor) {
  if (tensor->storage > TMC_TILE || tensor->slots == 0) {
    return false;
  }
  if (tensor->storage == TMC_WHOLE && tensor->slots != tensor->height) {
    return false;
  }
  return tmc_is_extent(tensor->height) && tmc_is_extent(tensor->width) &&
         tmc_is_extent(tensor->channels);
}

static bool elements_are_valid(const tmc_tensor* tensor) {
  const uint8_t size = tensor->element_size;
  return (size == sizeof(int8_t) || size == sizeof(int32_t)) && tensor->offset % size == 0 &&
         tensor->pitch % size == 0;
}

static tmc_status validate_tensor(const tmc_program* program, int32_t index) {
  const tmc_header* header = program->header;
  const tmc_tensor* tensor = &program->tensors[index];
  if (!tmc_is_inside(tensor->offset, tensor->bytes, header->arena_bytes) ||
      tensor->producer < TMC_NONE || tensor->producer >= header->group_count) {
    return TMC_ERROR_RANGE;
  }
  const bool has_whole_rows = tensor->storage == TMC_WHOLE || index == header->row_fed_tensor;
  const bool is_valid =
      layout_is_valid(tensor) && elements_are_valid(tensor) && rows_fit(tensor, has_whole_rows);
  return is_valid ? TMC_OK : TMC_ERROR_RANGE;
}

// What the caller fills or reads has no gaps between its rows.
static bool is_packed(const tmc_tensor* tensor) {
  return tensor->storage == TMC_WHOLE && tensor->element_size == 1 &&
         tensor->pitch == (uint32_t)tensor->width * tensor->channels;
}

static bool borders_are_valid(const tmc_program* program) {
  const tmc_header* header = program->header;
  const int32_t count = header->input_count + header->output_count;
  if (count > header->tensor_count) {
    return false;
  }
  for (int32_t i = 0; i < count; ++i) {
    if (i != header->row_fed_tensor && !is_packed(&program->tensors[i])) {
      return false;
    }
  }
  return true;
}

// The counter of fed rows outlives the inference, so no tensor may share its memory.
static bool row_feeding_is_valid(const tmc_program* program) {
  const tmc_header* header = program->header;
  if (header->row_fed_tensor == TMC_NONE) {
    return true;
  }
  const uint32_t counter = header->fed_state_offset;
  if (header->row_fed_tensor < 0 || header->row_fed_tensor >= header->input_count ||
      counter % sizeof(int16_t) != 0 ||
      !tmc_is_inside(counter, sizeof(int16_t), header->arena_bytes)) {
    return false;
  }
  for (int32_t i = 0; i < header->tensor_count; ++i) {
    if (tmc_overlaps(&program->tensors[i], counter, sizeof(int16_t))) {
      return false;
    }
  }
  const tmc_tensor* fed = &program->tensors[header->row_fed_tensor];
  return fed->storage != TMC_TILE && fed->producer == TMC_NONE && fed->element_size == 1;
}

tmc_status tmc_validate_tensors(const tmc_program* program) {
  for (int32_t i = 0; i < program->header->tensor_count; ++i) {
    const tmc_status status = validate_tensor(program, i);
    if (status != TMC_OK) {
      return status;
    }
  }
  return borders_are_valid(program) && row_feeding_is_valid(program) ? TMC_OK : TMC_ERROR_RANGE;
}
