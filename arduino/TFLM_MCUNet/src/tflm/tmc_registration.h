// SPDX-License-Identifier: Apache-2.0
// Adds the operator to TensorFlow Lite Micro on the device:
//
//   #include <TensorFlowLite.h>  // or <Chirale_TensorFlowLite.h>: the library that you installed
//   #include <TFLM_MCUNet.h>
//   #include <tensorflow/lite/micro/micro_mutable_op_resolver.h>
//   #include <tflm/tmc_registration.h>
//
//   tflite::MicroMutableOpResolver<1> resolver;
//   tflm_mcunet::AddOperator(resolver);
//
// C++11. Written for every release of TensorFlow Lite Micro since the Arduino library
// 2.4.0-ALPHA, whatever it calls its types and wherever it keeps them.
#ifndef TMC_REGISTRATION_H_
#define TMC_REGISTRATION_H_

#include <tensorflow/lite/micro/micro_op_resolver.h>

#include "tmc_operator.h"

namespace tflm_mcunet {

// In place of <type_traits> and <utility>, which some toolchains of boards lack.
template <typename T>
T Value();
template <typename T>
struct Pointee;
template <typename T>
struct Pointee<const T*> {
  using Type = T;
};

// What resolvers hold: TFLMRegistration, or TfLiteRegistration in older releases.
using Registration =
    Pointee<decltype(Value<const tflite::MicroOpResolver&>().FindOp(Value<const char*>()))>::Type;

// The operator's functions.
Registration MakeRegistration();

// Registers the operator in a MicroMutableOpResolver, as its AddConv2D() registers Conv2D.
// kTfLiteError: the resolver has no place left, or holds the operator already.
template <typename Resolver>
auto AddOperator(Resolver& resolver)
    -> decltype(resolver.AddCustom(TMC_OPERATOR_NAME, Value<Registration*>())) {
  Registration registration = MakeRegistration();
  return resolver.AddCustom(TMC_OPERATOR_NAME, &registration);  // which copies it
}

}  // namespace tflm_mcunet

#endif  // TMC_REGISTRATION_H_
