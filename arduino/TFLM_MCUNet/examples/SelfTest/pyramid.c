// SPDX-License-Identifier: Apache-2.0
#include "pyramid.h"

enum { INPUT, OUTPUT, TENSORS };
enum { HALF = PYRAMID_SIZE / 2 };

static const tmc_header kHeader = {
    .magic = TMC_MAGIC,
    .version = TMC_VERSION,
    .header_bytes = sizeof(tmc_header),
    .program_bytes = sizeof(tmc_header) + TENSORS * sizeof(tmc_tensor) + sizeof(tmc_op) +
                     sizeof(tmc_group) + sizeof(tmc_stage),
    .parameter_bytes = 0,
    .arena_bytes = PYRAMID_ARENA_BYTES,
    .tensor_count = TENSORS,
    .op_count = 1,
    .group_count = 1,
    .stage_count = 1,
    .input_count = 1,
    .output_count = 1,
    .row_fed_tensor = TMC_NONE,
};

static const tmc_tensor kTensors[TENSORS] = {
    [INPUT] = {.offset = PYRAMID_INPUT_AT,
               .pitch = PYRAMID_SIZE,
               .bytes = PYRAMID_SIZE * PYRAMID_SIZE,
               .height = PYRAMID_SIZE,
               .width = PYRAMID_SIZE,
               .channels = 1,
               .slots = PYRAMID_SIZE,
               .producer = TMC_NONE,
               .storage = TMC_WHOLE,
               .element_size = 1},
    [OUTPUT] = {.offset = PYRAMID_OUTPUT_AT,
                .pitch = HALF,
                .bytes = HALF * HALF,
                .height = HALF,
                .width = HALF,
                .channels = 1,
                .slots = HALF,
                .producer = 0,
                .storage = TMC_WHOLE,
                .element_size = 1},
};

static const tmc_op kMaxima = {
    .kind = TMC_MAX_POOL,
    .output = OUTPUT,
    .inputs = {INPUT, TMC_NONE},
    .auxiliary = TMC_NONE,
    .kernel_h = 2,
    .kernel_w = 2,
    .stride_h = 2,
    .stride_w = 2,
    .dilation_h = 1,
    .dilation_w = 1,
    .depth_multiplier = 1,
    .act_min = INT8_MIN,
    .act_max = INT8_MAX,
    .weights = TMC_NO_PARAMETER,
    .bias = TMC_NO_PARAMETER,
    .requantization = TMC_NO_PARAMETER,
};

// One row of the output at a time.
static const tmc_group kGroup = {
    .first_op = 0,
    .op_count = 1,
    .tile_rows = 1,
    .tile_cols = HALF,
    .rows = HALF,
    .cols = HALF,
    .wake = 0,
};

static const tmc_stage kStage = {
    .first_group = 0,
    .group_count = 1,
    .strips = 1,
    .state_offset = PYRAMID_STATE_AT,
};

const tmc_program pyramid = {
    .header = &kHeader,
    .tensors = kTensors,
    .ops = &kMaxima,
    .groups = &kGroup,
    .stages = &kStage,
    .parameters = NULL,
    .kernels = &tmc_all_kernels,
};
