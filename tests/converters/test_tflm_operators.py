# SPDX-License-Identifier: Apache-2.0
"""The list of TFLM's operators against the operators that the pinned wheel finds."""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as tflite
from tflite_micro.python.tflite_micro import runtime

from tests.converters.model_files import edited
from tests.networks import NetworkBuilder
from tflm_converters import tflm_operators, writer
from tflm_converters.schema import BUILTIN_NAMES

REFUSAL = "Failed to get registration"


@pytest.fixture(scope="module")
def model() -> bytes:
    builder = NetworkBuilder()
    builder.relu(builder.input(4, 4, 2))
    return writer.write(builder.build())


def is_registered(model: bytes, code: int, custom_name: str | None, log: Path) -> bool:
    """Whether TFLM finds the operator; in a child, for it may then crash on the operands."""

    def edit(unpacked: Any) -> None:
        unpacked.operatorCodes[0] = tflite.OperatorCodeT(min(code, 127), custom_name, 1, code)

    content = edited(model, edit)
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        try:
            runtime.Interpreter.from_bytes(content, arena_size=100_000)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return REFUSAL not in log.read_text()


def test_builtins(model: bytes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    codes = {code: name for code, name in BUILTIN_NAMES.items() if name != "CUSTOM"}
    found = {name for code, name in codes.items() if is_registered(model, code, None, log)}
    assert found == tflm_operators.BUILTINS


def test_customs(model: bytes, tmp_path: Path) -> None:
    names = {*tflm_operators.CUSTOMS, "NoSuchOperator"}
    code = tflite.BuiltinOperator.CUSTOM
    found = {name for name in names if is_registered(model, code, name, tmp_path / "log")}
    assert found == tflm_operators.CUSTOMS
