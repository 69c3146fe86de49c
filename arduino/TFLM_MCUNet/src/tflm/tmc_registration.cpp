// SPDX-License-Identifier: Apache-2.0
// The only source that is compiled against TensorFlow Lite Micro, and empty where it is not
// installed.
#if __has_include(<tensorflow/lite/micro/micro_op_resolver.h>)

#include "tmc_registration.h"

#include <string.h>

// The types are global in older releases and in tflite::micro in newer ones; from here both
// are found, the newer ones first.
namespace tflite {
namespace micro {
namespace {

#include "tmc_adapter.h"

// Registrations without `reset` are those of releases whose interpreters call `free` when they
// are reset.
template <typename Registration>
auto SetReset(Registration& registration, int) -> decltype(void(registration.reset)) {
  registration.reset = tmc_reset;
}

template <typename Registration>
void SetReset(Registration& registration, long) {
  registration.free = tmc_reset;
}

}  // namespace
}  // namespace micro
}  // namespace tflite

namespace tflm_mcunet {

Registration MakeRegistration() {
  Registration registration = {};
  registration.init = tflite::micro::tmc_init;
  registration.prepare = tflite::micro::tmc_prepare;
  registration.invoke = tflite::micro::tmc_invoke;
  tflite::micro::SetReset(registration, 0);
  return registration;
}

}  // namespace tflm_mcunet

#endif
