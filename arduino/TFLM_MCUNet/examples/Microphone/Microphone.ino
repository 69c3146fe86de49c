// SPDX-License-Identifier: Apache-2.0
// Prints how loud it is, in decibels below a full-scale sine, for each half second of a PDM
// microphone's sound. No sample is lost while the sketch computes: an interrupt puts them into a
// ring. A network takes features instead of loudness: see tmc_log_mel.h.
#include <PDM.h>
#include <TFLM_MCUNet.h>

enum { RATE = 16000, BLOCK = RATE / 2, RING = 4096 };

// tmc_level_of() is log2(energy) * slope + offset, behind the point 16 bits, 16 bits and 32 bits:
// 3.0103 dB for each doubling, and 29 doublings to the mean square of a full-scale sine.
static const tmc_level kDecibels = {-374945056083, 197283};

static int16_t waiting[RING];
static tmc_ring ring = {waiting, RING, 0, 0};
static volatile bool overrun = false;
static bool started = false;

static void receive() {
  int16_t samples[256];
  const int bytes = PDM.read(samples, sizeof samples);
  if (!tmc_ring_write(&ring, samples, static_cast<uint32_t>(bytes) / sizeof samples[0])) {
    overrun = true;
  }
}

void setup() {
  Serial.begin(115200);
  while (!Serial && millis() < 5000) {
  }
  PDM.onReceive(receive);
  PDM.setBufferSize(512);
  started = PDM.begin(1, RATE);
  if (!started) {
    Serial.println("the microphone does not start: is this the right board?");
  }
}

void loop() {
  if (!started) {
    return;
  }
  uint64_t energy = 0;
  for (uint32_t count = 0; count < BLOCK;) {
    const int16_t* samples;
    uint32_t ready = tmc_ring_peek(&ring, &samples);
    if (ready == 0) {
      delay(1);
    }
    ready = ready < BLOCK - count ? ready : BLOCK - count;
    for (uint32_t i = 0; i < ready; ++i) {
      energy += static_cast<uint64_t>(samples[i] * samples[i]);
    }
    tmc_ring_take(&ring, ready);
    count += ready;
  }
  Serial.print(tmc_level_of(&kDecibels, energy / BLOCK));
  Serial.println(overrun ? " dB, and sound was lost" : " dB");
  overrun = false;
}
