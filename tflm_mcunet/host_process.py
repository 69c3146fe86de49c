# SPDX-License-Identifier: Apache-2.0
"""Runs TFLite-Micro in a process of its own, so that no model can take the caller down.

TFLite-Micro trusts its input: a damaged or unusual model can crash it or keep it busy
for ever. Here a crash or a time-out becomes one error that names the model.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, TypeVar

from tflm_converters.errors import ModelFileError, UnsupportedModelError
from tflm_mcunet.host_worker import Reply

Value = TypeVar("Value")

_START = "import sys; from tflm_mcunet.host_worker import serve; serve(int(sys.argv[1]))"


class HostProcess:
    """A worker process that is started when first needed and again after a crash.

    Example:
        with HostProcess() as host:
            outputs = host.call(inference.run, model, samples, subject="model.tflite")
    """

    def __init__(self, *, timeout: float = 120.0) -> None:
        """`timeout`: seconds after which a call is given up."""
        self._timeout = timeout
        self._worker: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._log = tempfile.TemporaryFile(buffering=0)

    def __enter__(self) -> HostProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the worker; a later call would start a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._worker is not None:
            # The worker leads a process group: whatever it forked goes with it.
            _kill_group(self._worker.pid)
            self._worker.wait()
            self._worker = None

    def call(
        self,
        function: Callable[..., Value],
        *arguments: Any,
        subject: str,
        timeout: float | None = None,
    ) -> Value:
        """Calls a module-level function in the worker.

        Args:
            function: importable by name; it, `arguments` and the result are pickled.
            subject: the model's name, for error messages.
            timeout: seconds for this call, if not those of the constructor.

        Raises:
            ModelFileError: the model crashed TFLite-Micro.
            UnsupportedModelError: TFLite-Micro refused the model, or exceeded the time-out.
            Exception: whatever else `function` raised.
        """
        request = pickle.dumps((function, arguments))
        self._log.seek(0)  # for the worker as well: it writes through the same open file
        self._log.truncate()
        connection = self._connect()
        limit = self._timeout if timeout is None else timeout
        try:
            connection.send_bytes(request)
            if not connection.poll(limit):
                raise UnsupportedModelError(
                    f"{subject}: TFLite-Micro did not finish within {limit:g} s; if the model is "
                    "only large, allow more time"
                )
            reply: Reply = pickle.loads(connection.recv_bytes())
        except (EOFError, ConnectionError):
            raise self._crash(subject) from None
        except BaseException:
            self.close()  # an answer may still come, but nobody waits for it
            raise
        return self._unwrap(reply, subject)

    def _connect(self) -> Connection:
        if self._connection is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._worker = _start_worker(theirs.fileno(), self._log.fileno())
            self._connection = Connection(ours.detach())
        return self._connection

    def _crash(self, subject: str) -> ModelFileError:
        assert self._worker is not None
        code = self._worker.wait()
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self.close()
        return ModelFileError(
            f"{subject}: the model crashed TFLite-Micro ({cause}){self._said()}; the file is "
            "damaged or needs another version of TFLite-Micro"
        )

    def _unwrap(self, reply: Reply, subject: str) -> Any:
        if reply.error is None:
            return reply.value
        if type(reply.error) is RuntimeError:  # how the wheel says that TFLite-Micro failed
            raise UnsupportedModelError(
                f"{subject}: TFLite-Micro refuses the model{self._said() or f': {reply.error}'}"
            )
        if type(reply.error) is ModelFileError:
            raise ModelFileError(f"{subject}: {reply.error}")
        if isinstance(reply.error, MemoryError):
            raise UnsupportedModelError(f"{subject}: the model needs more memory than there is")
        reply.error.__cause__ = _RemoteError(reply.trace)
        raise reply.error

    def _said(self) -> str:
        """What TFLite-Micro wrote to stderr, as the end of a sentence."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return ": " + "; ".join(said[:3]) if said else ""


class _RemoteError(Exception):
    """Carries the worker's traceback into the caller's."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _start_worker(descriptor: int, log: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    # One thread: the worker forks, and the models leave no work for more.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", _START, str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        pass_fds=(descriptor,),
        start_new_session=True,
        env={**os.environ, **threads, "PYTHONPATH": path},
    )


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has crashed, and left no children
