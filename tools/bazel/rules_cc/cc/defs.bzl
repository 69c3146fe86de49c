# SPDX-License-Identifier: Apache-2.0
"""What Bazel's own tools load from rules_cc: in Bazel 4 the rules are still native."""

cc_binary = native.cc_binary
cc_library = native.cc_library
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
