// SPDX-License-Identifier: Apache-2.0
// Stands in for the Arduino library of this name: see tensorflow/lite/micro/micro_op_resolver.h.
