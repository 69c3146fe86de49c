# SPDX-License-Identifier: Apache-2.0
"""TinyNAS (MCUNet, arXiv 2007.10319): search the network that fits the board."""
