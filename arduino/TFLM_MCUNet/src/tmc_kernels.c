// SPDX-License-Identifier: Apache-2.0
// The kernels of all operators: for programs that are known only when they are opened.
#include "tmc_kernels.h"

const tmc_kernel_table tmc_all_kernels = {
    .of_kind =
        {
            [TMC_CONV] = tmc_conv_s8,
            [TMC_ADD] = tmc_add_s8,
            [TMC_MUL] = tmc_mul_s8,
            [TMC_AVERAGE_POOL] = tmc_average_pool_s8,
            [TMC_MAX_POOL] = tmc_max_pool_s8,
            [TMC_MEAN] = tmc_mean_s8,
            [TMC_LOOKUP] = tmc_lookup_s8,
            [TMC_SOFTMAX] = tmc_softmax_s8,
            [TMC_PAD] = tmc_pad_s8,
            [TMC_COPY] = tmc_copy_s8,
            [TMC_RESIZE_NEAREST] = tmc_resize_nearest_s8,
            [TMC_TRANSPOSE] = tmc_transpose_s8,
            [TMC_RESHAPE] = tmc_reshape_s8,
        },
    .depthwise =
        {
            [TMC_WINDOW_ANY] = tmc_depthwise_conv_s8,
            [TMC_WINDOW_3X3] = tmc_depthwise_3x3_s8,
            [TMC_WINDOW_5X5] = tmc_depthwise_5x5_s8,
            [TMC_WINDOW_7X7] = tmc_depthwise_7x7_s8,
        },
    .depthwise_in_place =
        {
            [TMC_WINDOW_ANY] = tmc_depthwise_in_place_s8,
            [TMC_WINDOW_3X3] = tmc_depthwise_in_place_3x3_s8,
            [TMC_WINDOW_5X5] = tmc_depthwise_in_place_5x5_s8,
            [TMC_WINDOW_7X7] = tmc_depthwise_in_place_7x7_s8,
        },
    .accumulate_begin = tmc_accumulate_begin,
    .accumulate = tmc_accumulate_s8,
    .accumulate_end = tmc_accumulate_end_s8,
};
