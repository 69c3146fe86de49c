// SPDX-License-Identifier: Apache-2.0
// The program format: what the converter emits and the runtime executes.
//
// A program is an array of tensors, operators, groups and stages, all little endian and
// naturally aligned, so that it is executed in place from flash. Weights, biases and
// requantization constants are in a second array, the parameters.
//
//   tmc_header | tmc_tensor[tensor_count] | tmc_op[op_count] | tmc_group[group_count]
//              | tmc_stage[stage_count]
//
// Memory: every tensor lives in one arena at the offset that the memory planner chose.
// Offsets may overlap wherever the schedule proves that no value is overwritten before
// its last use.
//
// Execution: stages run one after the other. Inside a stage, groups fire in data-flow
// order: whenever a group has the input rows that its next band of output rows needs,
// the deepest such group fires (greatest index first). A group computes its band tile by
// tile; inside a tile it runs its operators one after the other, each over the box of its
// output that the tile needs (halos included, computed backwards from the tile).
//
// This one scheme covers per-layer execution (one operator, one tile), patch-based
// inference (many operators, p x p tiles) and streaming (tiles of one row, line buffers
// between groups). A stage may be cut into column strips: it then runs once per strip.
#ifndef TMC_PROGRAM_H_
#define TMC_PROGRAM_H_

#include <stdint.h>

#define TMC_MAGIC 0x314D4354u  // "TCM1"
#define TMC_VERSION 2
#define TMC_NONE (-1)         // no such tensor or group
#define TMC_MAX_GROUP_OPS 32  // bounds the boxes kept on the stack: as many as the largest has
#define TMC_MAX_INPUTS 2

typedef struct {
  uint32_t magic;
  uint16_t version;
  uint16_t header_bytes;
  uint32_t program_bytes;    // header included
  uint32_t parameter_bytes;  // what the operators' offsets must stay inside
  uint32_t arena_bytes;      // what the tensors' offsets must stay inside
  uint16_t tensor_count;
  uint16_t op_count;
  uint16_t group_count;
  uint16_t stage_count;
  uint16_t input_count;    // the first tensors are the program's inputs ...
  uint16_t output_count;   // ... followed by its outputs
  int16_t row_fed_tensor;  // input that arrives row by row, or TMC_NONE
  uint16_t reserved;
  uint32_t fed_state_offset;  // int16_t in the arena: rows fed so far (row-fed programs)
} tmc_header;

// Where a tensor's rows are. Row y is stored in slot y % slots; a pixel (y, x) is at
// offset + (y % slots) * pitch + (x - x_begin) * channels * element size, where x_begin
// is 0 for whole tensors and rings of unstripped stages.
enum tmc_storage {
  TMC_WHOLE = 0,  // all rows; slots == height
  TMC_RING = 1,   // line buffer: the last `slots` rows
  TMC_TILE = 2,   // inside a group: the box of the current tile, rewritten by each tile
};

typedef struct {
  uint32_t offset;  // first byte in the arena
  uint32_t pitch;   // bytes from one stored row to the next
  uint32_t bytes;   // size of the buffer; at least slots * pitch
  uint16_t height;  // logical extent: pixels outside [0,height) x [0,width) are padding
  uint16_t width;   //
  uint16_t channels;
  uint16_t slots;
  int16_t producer;      // group of the same stage that writes it, TMC_NONE if it is whole before
  uint8_t storage;       // enum tmc_storage
  uint8_t element_size;  // 1: int8_t, 4: int32_t accumulators
} tmc_tensor;

enum tmc_op_kind {
  TMC_CONV = 1,          // weights O,H,W,I, the filter of each O padded with zeros to a multiple
                         // of four bytes; also FULLY_CONNECTED (kernel == input extent)
  TMC_DEPTHWISE = 2,     // weights H,W,O
  TMC_ADD = 3,           // same extents, or an input of extent 1 x 1 and/or 1 channel broadcast
  TMC_MUL = 4,           // as TMC_ADD
  TMC_AVERAGE_POOL = 5,  // divides by the number of taps inside the input
  TMC_MAX_POOL = 6,
  TMC_MEAN = 7,     // MEAN over the window; kernel (H,W), (1,W) or (H,1) of its input
  TMC_LOOKUP = 8,   // out = table[in + 128]: any elementwise int8 function
  TMC_SOFTMAX = 9,  // over the channels of each pixel
  TMC_PAD = 10,     // constant border of rows, columns and channels
  TMC_COPY = 11,    // input channels to output channels [channel_offset, ...): concatenation
  TMC_RESIZE_NEAREST = 12,  // integer factors, given as stride
  TMC_TRANSPOSE = 13,       // whole tensors, any permutation of (H, W, C)
  TMC_RESHAPE = 14,         // whole tensors, same bytes in the same order
  TMC_KIND_COUNT,
};

enum tmc_op_flags {
  // AVERAGE_POOL and MEAN whose window is their whole input height: sums its input tile by
  // tile into `auxiliary` (int32_t, width x channels of the output) and writes the output
  // after the last tile. Only the last operator of a group may be one.
  TMC_ACCUMULATE = 1,
  // DEPTHWISE, stride 1, same extents: output overwrites input, channel by channel;
  // `auxiliary` holds one channel plane. Runs over the whole tensor.
  TMC_IN_PLACE = 2,
  // One multiplier and shift for all channels.
  TMC_PER_TENSOR = 4,
};

typedef struct {
  uint8_t kind;   // enum tmc_op_kind
  uint8_t flags;  // enum tmc_op_flags
  int16_t output;
  int16_t inputs[TMC_MAX_INPUTS];
  int16_t auxiliary;  // scratch tensor, or TMC_NONE
  uint16_t kernel_h;
  uint16_t kernel_w;
  uint16_t stride_h;  // RESIZE_NEAREST: rows written per row read
  uint16_t stride_w;
  uint16_t dilation_h;
  uint16_t dilation_w;
  int16_t pad_top;
  int16_t pad_left;
  uint16_t depth_multiplier;  // DEPTHWISE
  uint16_t channel_offset;    // COPY, PAD: first output channel written from the input
  int16_t input_offset;       // minus the zero point of input 0
  int16_t input2_offset;      // minus the zero point of input 1 (ADD, MUL)
  int16_t output_offset;      // zero point of the output; PAD: the value written
  int8_t act_min;
  int8_t act_max;
  uint32_t weights;         // byte offset in the parameters; LOOKUP: int8_t[256] table;
                            // TRANSPOSE: int32_t[3], output axis -> input axis of (H, W, C)
  uint32_t bias;            // int32_t[channels]; TMC_NO_PARAMETER: none
  uint32_t requantization;  // CONV, DEPTHWISE: int32_t multiplier[channels] followed by
                            // int8_t shift[channels] (one of each if TMC_PER_TENSOR);
                            // others: the struct named below, or TMC_NO_PARAMETER
} tmc_op;

#define TMC_NO_PARAMETER 0xFFFFFFFFu

// Bytes from one filter of a CONV to the next, for filters of `taps` weights.
static inline uint32_t tmc_filter_bytes(uint32_t taps) { return (taps + 3) & ~UINT32_C(3); }

// Requantization constants, 4-byte aligned in the parameters. A multiplier is Q0.31; a
// positive shift is to the left, a negative one to the right, as in TensorFlow Lite.
typedef struct {
  int32_t left_shift;
  int32_t input1_multiplier;
  int32_t input1_shift;
  int32_t input2_multiplier;
  int32_t input2_shift;
  int32_t output_multiplier;
  int32_t output_shift;
} tmc_add_requantization;

typedef struct {
  int32_t output_multiplier;
  int32_t output_shift;
} tmc_mul_requantization;

// MEAN: what the sum of the window's kernel_h * kernel_w elements, each less the zero point, is
// multiplied by. TFLM has one code path for every int8 MEAN, whatever its axes and keep_dims: it
// folds 1 / count into the multiplier m and shift s of input scale / output scale,
//   n = min(floor(log2(count)), 31 + s), multiplier = (m << n) / count, shift = s - n
// with a division that drops the remainder, so that the multiplier may be below 2^30.
typedef struct {
  int32_t multiplier;
  int32_t shift;
} tmc_mean_requantization;

typedef struct {
  int32_t input_multiplier;  // beta * input scale, as TFLM's PreprocessSoftmaxScaling
  int32_t input_left_shift;
  int32_t diff_min;
} tmc_softmax_requantization;

typedef struct {
  uint16_t first_op;
  uint16_t op_count;
  uint16_t tile_rows;  // output rows per firing
  uint16_t tile_cols;  // output columns per tile
  uint16_t rows;       // bands are cut from rows x cols: the extent of the tensor that the
  uint16_t cols;       // last operator writes (its input, if it accumulates)
  int16_t wake;        // deepest group that reads what this one writes; itself if none
  uint16_t reserved;
} tmc_group;

typedef struct {
  uint16_t first_group;
  uint16_t group_count;
  uint16_t strips;
  uint16_t reserved;
  uint32_t state_offset;  // tmc_group_state[group_count] in the arena, 4-byte aligned
} tmc_stage;

typedef struct {
  int16_t next_row;  // first output row not yet computed
  int16_t x_begin;   // output columns of the current strip
  int16_t x_end;
  int16_t reserved;
} tmc_group_state;

#endif  // TMC_PROGRAM_H_
