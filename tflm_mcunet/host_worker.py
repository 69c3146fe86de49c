# SPDX-License-Identifier: Apache-2.0
"""The other end of `tflm_mcunet.host_process`: calls functions until the pipe closes."""

from __future__ import annotations

import dataclasses
import pickle
import resource
import traceback
from multiprocessing.connection import Connection
from typing import Any


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a call came to: a value, or an error and where it was raised."""

    value: Any = None
    error: Exception | None = None
    trace: str = ""


def serve(descriptor: int) -> None:
    """Answers pickled (function, arguments) with pickled replies over a socket."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # crashes are expected here
    connection = Connection(descriptor)
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(pickle.dumps(_answer(request)))


def _answer(request: bytes) -> Reply:
    try:
        function, arguments = pickle.loads(request)
        return Reply(value=function(*arguments))
    except Exception as error:  # whatever it is, the caller shall see it
        return Reply(error=error, trace=traceback.format_exc())
