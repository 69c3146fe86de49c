# SPDX-License-Identifier: Apache-2.0
"""Errors that a user can cause and act on: what was expected, what was got, and the way out."""


class ConversionError(Exception):
    """Base of every error that the command line prints as one line and exits with status 2."""


class ModelFileError(ConversionError):
    """The file is not a readable TensorFlow Lite model, or contradicts itself."""


class UnsupportedModelError(ConversionError):
    """The model is well formed, but cannot be run: float weights, dynamic shapes, and so on."""


class BudgetError(ConversionError):
    """No schedule meets the memory budget; the message gives the least reachable bytes."""


class RuntimeMismatchError(ConversionError):
    """An interpreter or a library is not the one this package was built for."""


class OutputError(ConversionError):
    """A result could not be written; nothing half-written is left behind."""


class SettingsError(ConversionError):
    """Settings contradict each other, or an array is not what they say."""


class DataError(ConversionError):
    """A data set is not there, or not what was expected."""
