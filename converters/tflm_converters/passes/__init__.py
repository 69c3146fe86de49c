# SPDX-License-Identifier: Apache-2.0
"""Exact clean-ups of what exporters leave behind: one module per pass.

Each pass is a function from a graph to a graph whose outputs have the same bytes for every
input; what a pass cannot prove, it leaves alone.
"""

from tflm_converters.passes.pipeline import NAMES, PassResult, PassStep, run

__all__ = ["NAMES", "PassResult", "PassStep", "run"]
