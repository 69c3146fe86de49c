# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflm_mcunet.zoo import fake_zoo
from tflm_mcunet import zoo
from tflm_mcunet.zoo import ZooError


def test_models_of_all_installed_zoos_are_found(zoo_folder: Path, site: Path) -> None:
    other = fake_zoo.publish(site, "other_zoo")
    fake_zoo.add_model(other, "another")
    assert zoo.names() == ["another", "tiny-photo"]
    assert zoo.entry("another").folder == other / "another"


def test_files_beside_the_models_are_no_models(zoo_folder: Path) -> None:
    (zoo_folder / "README.md").write_text("how to add a model")
    assert zoo.names() == ["tiny-photo"]


def test_without_a_zoo_the_way_out_is_named(no_zoo: None) -> None:
    with pytest.raises(ZooError, match="pip install tflm-mcunet-zoo"):
        zoo.names()


def test_unknown_names_get_the_nearest(zoo_folder: Path) -> None:
    with pytest.raises(ZooError, match="unknown model 'tiny-foto'; did you mean tiny-photo?"):
        zoo.entry("tiny-foto")
    with pytest.raises(ZooError, match="'zzz'; the models are tiny-photo"):
        zoo.load("zzz")


def test_an_empty_zoo_has_no_models(site: Path) -> None:
    fake_zoo.publish(site, "empty_zoo")
    assert zoo.names() == []
    with pytest.raises(ZooError, match="hold no models"):
        zoo.entry("a")


def test_the_same_name_in_two_zoos_is_an_error(zoo_folder: Path, site: Path) -> None:
    fake_zoo.add_model(fake_zoo.publish(site, "other_zoo"), "tiny-photo")
    with pytest.raises(ZooError, match="two installed zoos have a model 'tiny-photo'"):
        zoo.names()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module:MODELS", "No module named 'no_such_module'"),
        ("broken_zoo:NOTHING", "has no attribute 'NOTHING'"),
        ("broken_zoo:__name__", "expected the path of a folder, got 'broken_zoo'"),
    ],
)
def test_broken_entry_points_are_named(site: Path, value: str, message: str) -> None:
    fake_zoo.publish(site, "broken_zoo", value)
    with pytest.raises(ZooError, match=f"the zoo 'fake-broken_zoo' .*{message}"):
        zoo.names()
