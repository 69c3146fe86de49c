// SPDX-License-Identifier: Apache-2.0
#include "Arduino_BMI270_BMM150.h"

BoschSensorClass IMU_BMI270_BMM150(Wire1);

int8_t bmi2_get_sensor_config(bmi2_sens_config* config, uint8_t count, bmi2_dev* device) {
  config->cfg.acc = device->accelerometer;
  return count == 1 && config->type == BMI2_ACCEL ? BMI2_OK : -1;
}

int8_t bmi2_set_sensor_config(bmi2_sens_config* config, uint8_t count, bmi2_dev* device) {
  device->accelerometer = config->cfg.acc;
  return count == 1 && config->type == BMI2_ACCEL ? BMI2_OK : -1;
}
