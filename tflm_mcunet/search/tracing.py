# SPDX-License-Identifier: Apache-2.0
"""Traces that start quickly."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

_OPTION = "disable_meta_optimizer"


class Traced:
    """A tf.function that is not rewritten before it runs for the first time.

    Rewriting a supernet's graph, with its hundreds of conditions, takes longer than tracing it,
    and gains next to nothing. Not to be called by several threads at once.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self._function = tf.function(function, autograph=False, **options)

    def __call__(self, *arguments: Any) -> Any:
        with _as_traced():
            return self._function(*arguments)

    @property
    def traces(self) -> int:
        """How often it was traced."""
        count: int = self._function.experimental_get_tracing_count()
        return count


@contextlib.contextmanager
def _as_traced() -> Iterator[None]:
    """TensorFlow takes this setting from the context of the call alone."""
    optimizer = tf.config.optimizer
    before = optimizer.get_experimental_options().get(_OPTION, False)
    optimizer.set_experimental_options({_OPTION: True})
    try:
        yield
    finally:
        optimizer.set_experimental_options({_OPTION: before})
