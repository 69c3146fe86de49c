# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.tflm_mcunet.search.random_networks import random_architecture
from tflm_mcunet.search.architecture import Architecture, ArchitectureError, Block, Convolution

_SMALL = Architecture(
    input_shape=(96, 96, 3),
    stem=Convolution(16),
    stages=((Block(8, expansion=1),), (Block(16, (7, 7), (2, 2), 4), Block(16, (5, 1), (1, 1), 3))),
    head_channels=320,
    classes=2,
)


def test_prints_what_it_is() -> None:
    text = "96x96x3 c16 | k3e1c8 | k7e4c16s2 k5x1e3c16 h320 > 2"
    assert str(_SMALL) == text


@pytest.mark.parametrize("seed", range(6))
def test_json_gives_an_equal_value(seed: int) -> None:
    network = random_architecture(seed)
    again = Architecture.from_json(network.to_json())
    assert again == network
    assert len({again, network}) == 1


def test_json_is_one_line() -> None:
    assert "\n" not in _SMALL.to_json()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"input_shape": 3}', _SMALL.to_json().replace("kernel", "size")]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ArchitectureError, match="no architecture in JSON"):
        Architecture.from_json(text)


def test_residual_where_shapes_allow_it() -> None:
    assert Block(16).has_residual(16)
    assert not Block(16).has_residual(8)
    assert not Block(16, stride=(2, 1)).has_residual(16)


def test_blocks_are_those_of_all_stages() -> None:
    assert [block.channels for block in _SMALL.blocks] == [8, 16, 16]
