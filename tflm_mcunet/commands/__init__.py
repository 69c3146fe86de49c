# SPDX-License-Identifier: Apache-2.0
"""What each command of the command line does: one module each, with a function `execute`.

Results go to stdout, all else to stderr. Modules are imported when their command is called.
"""
