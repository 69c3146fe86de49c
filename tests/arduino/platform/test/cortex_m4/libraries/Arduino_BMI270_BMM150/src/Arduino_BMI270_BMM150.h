// SPDX-License-Identifier: Apache-2.0
#ifndef ARDUINO_BMI270_BMM150_H_
#define ARDUINO_BMI270_BMM150_H_

#include <Wire.h>
#include <inertial_sensor.h>

// As much of the sensor's own interface as a sketch needs to set its rate.
enum { BMI2_OK = 0, BMI2_ACCEL = 0, BMI2_ACC_NORMAL_AVG4 = 2 };

struct bmi2_accel_config {
  uint8_t odr;
  uint8_t bwp;
};

struct bmi2_sens_config {
  uint8_t type;
  struct {
    bmi2_accel_config acc;
  } cfg;
};

struct bmi2_dev {
  bmi2_accel_config accelerometer;
};

int8_t bmi2_get_sensor_config(bmi2_sens_config* config, uint8_t count, bmi2_dev* device);
int8_t bmi2_set_sensor_config(bmi2_sens_config* config, uint8_t count, bmi2_dev* device);

enum CfgBoshSensor_t { BOSCH_ACCELEROMETER_ONLY, BOSCH_ACCEL_AND_MAGN };

class BoschSensorClass : public InertialSensor {
 public:
  explicit BoschSensorClass(TwoWire&) {}
  int begin(CfgBoshSensor_t = BOSCH_ACCEL_AND_MAGN) {
    return InertialSensor::begin() && configure_sensor(&device_) == BMI2_OK;
  }
  float accelerationSampleRate() {
    return 0.39f * static_cast<float>(1 << device_.accelerometer.odr);
  }

 protected:
  virtual int8_t configure_sensor(bmi2_dev* device) {
    device->accelerometer = {8, 1};
    return BMI2_OK;
  }

 private:
  bmi2_dev device_ = {};
};

extern BoschSensorClass IMU_BMI270_BMM150;
#define IMU IMU_BMI270_BMM150

#endif  // ARDUINO_BMI270_BMM150_H_
