# SPDX-License-Identifier: Apache-2.0
"""What people read: terminal tables, pictures, and one self-contained HTML page."""
