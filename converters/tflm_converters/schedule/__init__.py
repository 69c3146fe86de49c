# SPDX-License-Identifier: Apache-2.0
"""Chooses how a network runs: which layers stream together, in patches, or one by one."""
