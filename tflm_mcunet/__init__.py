# SPDX-License-Identifier: Apache-2.0
"""Makes int8 TensorFlow Lite models run in several times less SRAM."""
