# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` need nothing but make on a fresh Debian or Ubuntu machine.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test build emulator lint types runtime firmware bazel pytest clean

PYTHON ?= python3
CC ?= cc
BIN := .venv/bin
LIBRARY := tflm_mcunet/_native/libtflm_mcunet.so
C_SOURCES = $(shell find arduino tflm_mcunet/native tests -name '*.[ch]')
CPP_SOURCES = $(shell find arduino tests -name '*.cpp')
FIRMWARE_SOURCES = $(wildcard tflm_mcunet/emulator/firmware/*.[ch])
BENCHMARK_SOURCES = $(wildcard benchmarks/*/*.[ch])
STRICT := -std=c11 -O2 -Wall -Wextra -Wconversion -Werror

demo: build
	$(BIN)/tflm-mcunet convert examples/mcunet_vww1.tflite --board nano33ble --out build/demo

test: lint types runtime firmware bazel pytest

build: .venv/installed
	$(BIN)/python setup.py --quiet build_ext --inplace

.venv/installed: setup.py zoo/setup.py pyproject.toml tools/install_packages.sh
	tools/install_packages.sh gcc libc6-dev python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[search,ray,test]' \
	  --editable ./zoo
	touch $@

# A Cortex-M4 to compile for and to run on, and what builds sketches for it.
emulator:
	tools/install_packages.sh qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi arduino-builder

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(C_SOURCES) $(CPP_SOURCES) $(FIRMWARE_SOURCES) \
	  $(BENCHMARK_SOURCES)

types: build
	$(BIN)/mypy

# Every C file on its own with warnings as errors; users' compilers may know other warnings.
runtime: build
	@for source in $(filter %.c,$(C_SOURCES)); do \
	  echo "$(CC) $(STRICT) $$source"; \
	  $(CC) $(STRICT) -Iarduino/TFLM_MCUNet/src -c $$source -o /dev/null; \
	done

# The same for the Cortex-M4, which has kernels of its own; kernels.c is of one model only.
firmware: emulator
	@for source in $(shell find arduino -name '*.c') \
	    $(filter-out %/kernels.c,$(filter %.c,$(FIRMWARE_SOURCES))); do \
	  echo "arm-none-eabi-gcc $(STRICT) $$source"; \
	  arm-none-eabi-gcc -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard $(STRICT) \
	    -DPROFILE '-DKERNELS=WRAP(tmc_conv_s8)' -Iarduino/TFLM_MCUNet/src -c $$source -o /dev/null; \
	done

bazel:
	tools/bazel/test.sh

pytest: build emulator
	$(BIN)/pytest --numprocesses auto

clean:
	rm -rf .venv build dist *.egg-info zoo/build zoo/*.egg-info $(LIBRARY)
