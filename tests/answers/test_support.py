"""The model that compares sentences with their sources: as the settings say, and loaded beforehand."""

from pathlib import Path

import pytest
from django.test import override_settings

from llm.errors import SupportError
from llm.support_model import SupportSpec
from portal.answers import support
from tests.fakes.reranker_model import write_reranker


def test_without_a_setting_there_is_none() -> None:
    assert support.support_model() is None
    support.warm_up()


def test_the_folder_and_the_time_are_those_of_the_settings(tmp_path: Path) -> None:
    folder = write_reranker(tmp_path, names=("contradiction", "entailment", "neutral"))
    with override_settings(SUPPORT_MODEL=folder, SUPPORT_MODEL_BUDGET_MS=250):
        support.warm_up()
        model = support.support_model()
    assert model is not None
    assert model.spec == SupportSpec(folder, 0.25)


def test_a_folder_that_holds_no_model_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    with override_settings(SUPPORT_MODEL=str(tmp_path)), pytest.raises(SupportError, match="could not"):
        support.warm_up()
