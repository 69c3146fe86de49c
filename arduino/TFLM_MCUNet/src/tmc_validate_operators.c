// SPDX-License-Identifier: Apache-2.0
// Operators: kinds, operands, and attributes that agree with the extents of the tensors.
#include <stddef.h>

#include "tmc_validate.h"

// An operator with its tensors at hand; NULL where it has none.
typedef struct {
  const tmc_op* op;
  const tmc_tensor* output;
  const tmc_tensor* input;
  const tmc_tensor* input2;
  const tmc_tensor* auxiliary;
} operands;

static bool has_flag(const operands* o, int flag) { return (o->op->flags & flag) != 0; }

static bool has_extent(const tmc_tensor* tensor, int32_t height, int32_t width, int32_t channels) {
  return tensor->height == height && tensor->width == width && tensor->channels == channels;
}

static bool same_image(const tmc_tensor* a, const tmc_tensor* b) {
  return a->height == b->height && a->width == b->width;
}

static bool same_extent(const tmc_tensor* a, const tmc_tensor* b) {
  return same_image(a, b) && a->channels == b->channels;
}

// One axis of a window: no product or sum of positions leaves int32_t.
static bool steps_are_valid(uint16_t kernel, uint16_t stride, uint16_t dilation, int16_t pad) {
  const int64_t span = ((int64_t)kernel - 1) * dilation + 1;
  return tmc_is_extent(kernel) && tmc_is_extent(stride) && tmc_is_extent(dilation) &&
         span <= INT16_MAX && pad >= 0;
}

static bool window_is_valid(const tmc_op* op) {
  return steps_are_valid(op->kernel_h, op->stride_h, op->dilation_h, op->pad_top) &&
         steps_are_valid(op->kernel_w, op->stride_w, op->dilation_w, op->pad_left);
}

// Pooling divides by the taps inside the input, so the first and the last window touch it.
static bool windows_touch_input(int32_t kernel, int32_t stride, int32_t pad, int32_t input,
                                int32_t output) {
  return pad < kernel && (output - 1) * stride - pad < input;
}

static bool conv_is_valid(const operands* o) { return window_is_valid(o->op); }

static bool in_place_is_valid(const operands* o) {
  const tmc_op* op = o->op;
  const tmc_tensor* plane = o->auxiliary;
  return op->stride_h == 1 && op->stride_w == 1 && same_extent(o->input, o->output) &&
         o->input->storage == TMC_WHOLE && o->output->storage == TMC_WHOLE &&
         o->input->offset == o->output->offset && o->input->pitch == o->output->pitch &&
         plane->element_size == 1 && has_extent(plane, o->input->height, o->input->width, 1);
}

static bool depthwise_is_valid(const operands* o) {
  return window_is_valid(o->op) && o->op->depth_multiplier >= 1 &&
         o->output->channels == (uint32_t)o->input->channels * o->op->depth_multiplier &&
         (!has_flag(o, TMC_IN_PLACE) || in_place_is_valid(o));
}

static bool broadcasts_to(const tmc_tensor* input, const tmc_tensor* output) {
  return (same_image(input, output) || (input->height == 1 && input->width == 1)) &&
         (input->channels == output->channels || input->channels == 1);
}

static bool elementwise_is_valid(const operands* o) {
  return broadcasts_to(o->input, o->output) && broadcasts_to(o->input2, o->output);
}

static bool accumulation_is_valid(const operands* o) {
  const uint64_t sums = (uint64_t)o->output->width * o->output->channels;
  return o->op->kernel_h == o->input->height && o->op->pad_top == 0 && o->output->height == 1 &&
         o->output->storage != TMC_TILE && o->output->pitch >= sums &&
         o->auxiliary->element_size == sizeof(int32_t) &&
         o->auxiliary->bytes >= sums * sizeof(int32_t);
}

static bool pool_is_valid(const operands* o) {
  const tmc_op* op = o->op;
  return window_is_valid(op) && op->dilation_h == 1 && op->dilation_w == 1 &&
         o->input->channels == o->output->channels &&
         windows_touch_input(op->kernel_h, op->stride_h, op->pad_top, o->input->height,
                             o->output->height) &&
         windows_touch_input(op->kernel_w, op->stride_w, op->pad_left, o->input->width,
                             o->output->width) &&
         (!has_flag(o, TMC_ACCUMULATE) || accumulation_is_valid(o));
}

// Along each axis, MEAN takes all of its input or a single position.
static bool reduces(int32_t kernel, int32_t stride, int32_t pad, int32_t input, int32_t output) {
  return stride == 1 && pad == 0 && (kernel == 1 || kernel == input) &&
         output == input - kernel + 1;
}

static bool mean_is_valid(const operands* o) {
  const tmc_op* op = o->op;
  return pool_is_valid(o) &&
         reduces(op->kernel_h, op->stride_h, op->pad_top, o->input->height, o->output->height) &&
         reduces(op->kernel_w, op->stride_w, op->pad_left, o->input->width, o->output->width);
}

static bool pixelwise_is_valid(const operands* o) { return same_extent(o->input, o->output); }

static bool channels_fit(const operands* o) {
  return o->op->channel_offset + o->input->channels <= o->output->channels;
}

static bool pad_is_valid(const operands* o) {
  return o->op->pad_top >= 0 && o->op->pad_left >= 0 && channels_fit(o) &&
         o->op->pad_top + o->input->height <= o->output->height &&
         o->op->pad_left + o->input->width <= o->output->width;
}

static bool copy_is_valid(const operands* o) {
  return same_image(o->input, o->output) && channels_fit(o);
}

static bool resize_is_valid(const operands* o) {
  return o->output->height == (uint32_t)o->input->height * o->op->stride_h &&
         o->output->width == (uint32_t)o->input->width * o->op->stride_w &&
         o->output->channels == o->input->channels;
}

// TRANSPOSE and RESHAPE read all of their input at once.
static bool input_is_all_there(const operands* o) {
  return o->input->storage != TMC_RING || o->input->slots >= o->input->height;
}

static bool reshape_is_valid(const operands* o) {
  const tmc_tensor* a = o->input;
  const tmc_tensor* b = o->output;
  return input_is_all_there(o) && (uint64_t)a->height * a->width * a->channels ==
                                      (uint64_t)b->height * b->width * b->channels;
}

typedef struct {
  int input_count;
  int flags;  // those that the kind may have
  bool (*is_valid)(const operands*);
} kind_rules;

static const kind_rules kRules[] = {
    [TMC_CONV] = {1, TMC_PER_TENSOR, conv_is_valid},
    [TMC_DEPTHWISE] = {1, TMC_PER_TENSOR | TMC_IN_PLACE, depthwise_is_valid},
    [TMC_ADD] = {2, 0, elementwise_is_valid},
    [TMC_MUL] = {2, 0, elementwise_is_valid},
    [TMC_AVERAGE_POOL] = {1, TMC_ACCUMULATE, pool_is_valid},
    [TMC_MAX_POOL] = {1, 0, pool_is_valid},
    [TMC_MEAN] = {1, TMC_ACCUMULATE, mean_is_valid},
    [TMC_LOOKUP] = {1, 0, pixelwise_is_valid},
    [TMC_SOFTMAX] = {1, 0, pixelwise_is_valid},
    [TMC_PAD] = {1, 0, pad_is_valid},
    [TMC_COPY] = {1, 0, copy_is_valid},
    [TMC_RESIZE_NEAREST] = {1, 0, resize_is_valid},
    [TMC_TRANSPOSE] = {1, 0, input_is_all_there},
    [TMC_RESHAPE] = {1, 0, reshape_is_valid},
};

static const kind_rules* rules_of(const tmc_op* op) {
  const size_t count = sizeof kRules / sizeof kRules[0];
  return op->kind >= 1 && op->kind < count ? &kRules[op->kind] : NULL;
}

static bool indices_are_valid(const tmc_program* program, const tmc_op* op) {
  const bool has_second = op->inputs[1] != TMC_NONE;
  const bool has_auxiliary = op->auxiliary != TMC_NONE;
  return tmc_is_tensor(program, op->output) && tmc_is_tensor(program, op->inputs[0]) &&
         (!has_second || tmc_is_tensor(program, op->inputs[1])) &&
         (!has_auxiliary || tmc_is_tensor(program, op->auxiliary));
}

static operands operands_of(const tmc_program* program, const tmc_op* op) {
  const tmc_tensor* tensors = program->tensors;
  return (operands){
      .op = op,
      .output = &tensors[op->output],
      .input = &tensors[op->inputs[0]],
      .input2 = op->inputs[1] == TMC_NONE ? NULL : &tensors[op->inputs[1]],
      .auxiliary = op->auxiliary == TMC_NONE ? NULL : &tensors[op->auxiliary],
  };
}

static bool operands_are_valid(const operands* o, const kind_rules* rules) {
  const bool needs_auxiliary = has_flag(o, TMC_ACCUMULATE | TMC_IN_PLACE);
  const int input_count = o->input2 == NULL ? 1 : 2;
  return input_count == rules->input_count && (o->op->flags & ~rules->flags) == 0 &&
         o->input->element_size == 1 && o->output->element_size == 1 &&
         (o->input2 == NULL || o->input2->element_size == 1) &&
         (o->auxiliary != NULL) == needs_auxiliary &&
         (!needs_auxiliary || o->auxiliary->storage == TMC_WHOLE);
}

static bool is_input_offset(int16_t offset) { return offset >= -INT8_MAX && offset <= -INT8_MIN; }

// Zero points are those of int8 tensors, so that no sum of a pixel and an offset grows.
static bool quantization_is_valid(const tmc_op* op) {
  return is_input_offset(op->input_offset) && is_input_offset(op->input2_offset) &&
         op->output_offset >= INT8_MIN && op->output_offset <= INT8_MAX &&
         op->act_min <= op->act_max;
}

tmc_status tmc_validate_operators(const tmc_program* program) {
  for (int32_t i = 0; i < program->header->op_count; ++i) {
    const tmc_op* op = &program->ops[i];
    const kind_rules* rules = rules_of(op);
    if (rules == NULL) {
      return TMC_ERROR_OPERATOR;
    }
    if (!indices_are_valid(program, op)) {
      return TMC_ERROR_RANGE;
    }
    const operands o = operands_of(program, op);
    if (!operands_are_valid(&o, rules) || !quantization_is_valid(op) || !rules->is_valid(&o)) {
      return TMC_ERROR_OPERATOR;
    }
  }
  return TMC_OK;
}
