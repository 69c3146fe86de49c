// SPDX-License-Identifier: Apache-2.0
// Registers the operator in the tflite-micro wheel: the wheel looks `tflm_mcunet_register`
// up by name and hands it the interpreter's operator resolver.
#include "tflm_abi.h"
// First the types, then what uses them.
#include "tflm/tmc_adapter.h"

static bool has_one(const PythonOpsResolver* resolver, int32_t builtin_code) {
  int found = 0;
  for (uint32_t i = 0; i < resolver->registration_count; ++i) {
    found += resolver->registrations[i].builtin_code == builtin_code;
  }
  return found == 1;
}

// The resolver lists its builtin operators twice, in two arrays. Only if everything is
// where tflm_abi.h says do the two lists agree.
static bool lists_agree(const PythonOpsResolver* resolver) {
  uint32_t builtins = 0;
  for (uint32_t i = 0; i < resolver->registration_count; ++i) {
    const TFLMRegistration* registration = &resolver->registrations[i];
    if (registration->builtin_code == BuiltinOperator_CUSTOM) {
      if (registration->custom_name == NULL) {
        return false;
      }
      continue;
    }
    if (builtins >= TFLM_RESOLVER_CAPACITY ||
        resolver->builtin_codes[builtins] != registration->builtin_code) {
      return false;
    }
    ++builtins;
  }
  return builtins == resolver->builtin_count;
}

static bool is_as_declared(const PythonOpsResolver* resolver) {
  return resolver->registration_count < TFLM_RESOLVER_CAPACITY && lists_agree(resolver) &&
         has_one(resolver, BuiltinOperator_CONV_2D) &&
         has_one(resolver, BuiltinOperator_DEPTHWISE_CONV_2D) &&
         has_one(resolver, BuiltinOperator_SOFTMAX);
}

bool tflm_mcunet_register(PythonOpsResolver* resolver) {
  if (!is_as_declared(resolver)) {
    return false;
  }
  resolver->registrations[resolver->registration_count++] = (TFLMRegistration){
      .init = tmc_init,
      .prepare = tmc_prepare,
      .invoke = tmc_invoke,
      .reset = tmc_reset,
      .builtin_code = BuiltinOperator_CUSTOM,
      .custom_name = TMC_OPERATOR_NAME,
  };
  return true;
}
