// SPDX-License-Identifier: Apache-2.0
// What a sketch includes.
#ifndef TFLM_MCUNET_H_
#define TFLM_MCUNET_H_

#include "tmc_anomaly.h"
#include "tmc_detector.h"
#include "tmc_image.h"
#include "tmc_kernels.h"
#include "tmc_log_mel.h"
#include "tmc_log_spectrum.h"
#include "tmc_quantization.h"
#include "tmc_ring.h"
#include "tmc_runtime.h"

#endif  // TFLM_MCUNET_H_
