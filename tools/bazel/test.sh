#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests BUILD with Debian's Bazel. A machine that cannot have it goes on without;
# continuous integration (CI=true) may not.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v bazel >/dev/null || tools/install_packages.sh bazel-bootstrap || true
if ! command -v bazel >/dev/null; then
  echo "Bazel is not installed and could not be: BUILD was not tested." >&2
  [ "${CI:-}" != true ]
  exit
fi
bazel test --test_output=errors //:all
