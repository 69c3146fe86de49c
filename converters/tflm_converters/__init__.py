# SPDX-License-Identifier: Apache-2.0
"""Rewrites int8 TensorFlow Lite models so that they need several times less SRAM.

read -> passes -> schedule -> plan -> emit: each step is one module that takes the value
on its left and returns the one on its right. Nothing here imports TensorFlow.
"""
