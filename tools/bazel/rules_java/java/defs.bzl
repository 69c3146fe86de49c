# SPDX-License-Identifier: Apache-2.0
"""What Bazel's own tools load from rules_java: in Bazel 4 the rules are still native."""

java_import = native.java_import
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
