"""Copies are told from passages that only look alike."""

import pytest

from retrieval.near_duplicates import NearDuplicates

POLICY = (
    "Employees get thirty days of annual leave in each year of work. Leave has to be asked for two weeks "
    "before it begins and is granted by the manager of the team. What is left at the end of the year may be "
    "taken over into the next one until the end of March, and it is paid out where somebody leaves before."
)


def is_copy(one: str, other: str) -> bool:
    known: NearDuplicates[str] = NearDuplicates()
    known.add(one, "first")
    return known.find(other) == "first"


@pytest.mark.parametrize(
    "other",
    [
        POLICY,
        POLICY.upper(),
        POLICY.replace(" ", "\n"),
        POLICY.replace("granted", "approved"),
        "Annual leave. " + POLICY,
    ],
    ids=["same", "capitals", "lines", "word", "heading"],
)
def test_copies(other: str) -> None:
    assert is_copy(POLICY, other)
    assert is_copy(other, POLICY)


@pytest.mark.parametrize(
    "other",
    [
        POLICY.replace("is granted", "is not granted"),
        POLICY.replace("may be", "must be"),
        POLICY + " From 2025 on.",
        POLICY[: len(POLICY) // 2],
        " ".join(reversed(POLICY.split())),
        "Soup is served at noon.",
        "",
    ],
    ids=["not", "must", "number", "half", "order", "other", "empty"],
)
def test_what_says_something_else(other: str) -> None:
    assert not is_copy(POLICY, other)
    assert not is_copy(other, POLICY)


def test_a_figure_makes_the_difference() -> None:
    assert not is_copy("The kettle has a warranty of 24 months.", "The kettle has a warranty of 36 months.")
    assert not is_copy(POLICY + " 30 days, 14 days.", POLICY + " 14 days, 30 days.")


def test_short_passages_are_copies_when_they_are_the_same() -> None:
    assert is_copy("Soup  is served", "soup is served")
    assert not is_copy("Soup is served at noon today", "Soup is served at noon")
