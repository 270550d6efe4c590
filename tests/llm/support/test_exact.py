"""What a sentence must share with its source: said otherwise it agrees, changed it does not."""

import pytest

from llm.support.exact import Mismatch, compare, stands_in

SOURCE = (
    "On March 12, 2021, Anna Weber signed the contract with Falcon Air for 1,200 seats. "
    "The airline did not pay the deposit of 5 percent. Refunds are possible within 30 days."
)


def mismatch(sentence: str, source: str = SOURCE) -> Mismatch | None:
    return compare(sentence, place=source, near=source, whole=source, language="en")


@pytest.mark.parametrize(
    "sentence",
    [
        "Anna Weber signed the contract on 12 March 2021.",
        "On 2021-03-12 the contract with Falcon Air was signed.",
        "Weber's contract is for 1200 seats.",
        "The airline didn't pay the deposit of 5 %.",
        "The deposit of five percent was not paid.",
        "Refunds are possible within thirty days.",
        "The contract of 2021 is with Falcon Air.",
    ],
)
def test_the_same_said_otherwise_agrees(sentence: str) -> None:
    assert mismatch(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Anna Weber signed the contract on 13 March 2021.", "date"),
        ("Anna Weber signed the contract in 2022.", "date"),
        ("The contract with Falcon Air is for 1,300 seats.", "number"),
        ("Refunds are possible within 30 months.", "number"),
        ("Refunds are possible within 5 days.", "number"),
        ("Anna Schmidt signed the contract with Falcon Air.", "name"),
        ("Anna Weber signed the contract with Anna Weber for 1,200 seats.", "name"),
        ("The airline did pay the deposit of 5 percent.", "negation"),
        ("Anna Weber did not sign the contract with Falcon Air.", "negation"),
        ("Refunds are impossible within 30 days.", "negation"),
    ],
)
def test_a_changed_fact_does_not(sentence: str, kind: str) -> None:
    found = mismatch(sentence)
    assert found is not None
    assert found.grave
    assert found.kind == kind


def test_an_acronym_is_what_it_stands_for() -> None:
    source = "The Federal Aviation Administration issued the order."
    assert mismatch("The FAA issued the order.", source) is None
    assert mismatch("The Federal Aviation Administration issued it.", "The FAA issued it.") is None


def test_a_number_of_another_sentence_stands_elsewhere() -> None:
    near = "The kettle holds 1.7 litres."
    found = compare(
        "The kettle holds 24 cups.", place=near, near=near, whole=f"{near} 24 months.", language="en"
    )
    assert found is not None


def test_words_after_a_denial_do_not_stand_there() -> None:
    source = "It is not true that the pilot was asleep."
    assert not stands_in("The pilot was asleep.", source, "en")
    assert stands_in("It is not true that the pilot was asleep.", source, "en")
    assert not stands_in("claim breakfast", "Staff didn't claim breakfast.", "en")
