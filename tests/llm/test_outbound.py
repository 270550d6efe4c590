"""What is found before text leaves, what is not, and that nothing of a find is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.outbound import OutboundPolicy, clear, find_all

MARKER = "\u02c6"

FOUND = {
    "email": ["jane.doe+x@mail.example.co.uk", "jürgen@exämple.de"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NL91 ABNA 0417 1643 00"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "phone": [
        "+49 (0)30 1234-5678", "0044 20 7946 0958", "(415) 555-2671", "089 / 12 34 56-78", "0171/2345678",
    ],
    "secret": [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "xoxb-123456789012-abcdefGHIJKL",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY----- MIIEpAIBAAKCAQEA7 abc/+= -----END RSA PRIVATE KEY-----",
    ],
}  # fmt: skip
CASES = [(kind, value) for kind, values in FOUND.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), CASES)
@pytest.mark.parametrize("gap", [" ", MARKER], ids=["plain", "marked"])
def test_finds_what_must_not_leave(kind: str, value: str, gap: str) -> None:
    value = value.replace(" ", gap)
    text = f"See{gap}this:{gap}{value},{gap}or{gap}ask."
    assert [(found, text[slice(*span)]) for found, span in find_all(text)] == [(kind, value)]
    cleared = clear(text, OutboundPolicy())
    assert value not in cleared.text
    assert cleared.text.startswith(f"See{gap}this:{gap}(")
    assert cleared.text.endswith(f"removed),{gap}or{gap}ask.")
    assert cleared.masked == ((kind, 1),)


@pytest.mark.parametrize(
    "text",
    [
        "Revenue was 4,111,111,111 in 2023 and 1.234.567.890 before.",
        "On 2024-01-15, 01.02.2024 and 12/31/2023 at 10:30.",
        "Order 4111 1111 1111 1112 and 1234567890123456.",  # Luhn says no
        "DE00 3704 1144 1532 1130 11",  # mod 97 says no
        "Write to us @home, or see a@b.",
        "The password is kept in the vault. Token: expires soon.",
        "§ 0815 of ISO 9001:2015, part 12-345-678, version 10.0.1.2",
        "0.123456789 and 0,987654321 are fractions.",
        "a1b2c3d4e5f60718",  # the boundary of a prompt
    ],
)
def test_leaves_alone_what_only_looks_like_it(text: str) -> None:
    assert find_all(text) == []
    assert clear(text, OutboundPolicy()).text == text


def test_secrets_are_known_by_their_labels() -> None:
    for text in (
        "password: hunter22!",
        "api_key=Zx81-foo9",
        'Kennwort: "geheim123"',
        "https://joe:pa55@host/x",
    ):
        assert [kind for kind, _ in find_all(text)] == ["secret"], text


def test_cards_and_accounts_are_found_beside_other_numbers() -> None:
    text = "12 4111 1111 1111 1111 12 27; DE89370400440532013000 4711"
    assert {kind: text[slice(*span)] for kind, span in find_all(text)} == {
        "card": "4111 1111 1111 1111",
        "iban": "DE89370400440532013000",
    }


def test_words_of_an_admin_are_found_whole_in_any_case() -> None:
    policy = OutboundPolicy(words=("Project Falcon", "c++"))
    cleared = clear(f"project{MARKER}FALCON uses C++; falcons and c+ do not.", policy)
    assert cleared.text == "(word removed) uses (word removed); falcons and c+ do not."
    assert cleared.masked == (("word", 2),)


def test_block_holds_all_back_and_off_lets_pass() -> None:
    text = "jane@example.com, 4111 1111 1111 1111"
    cleared = clear(text, OutboundPolicy(card="block", email="off"))
    assert (cleared.blocked, cleared.masked) == ((("card", 1),), ())
    assert "jane@example.com" in cleared.text


@given(st.lists(st.sampled_from([value for _, value in CASES]), min_size=1, max_size=4), st.text(max_size=30))
def test_nothing_of_a_find_is_left_whatever_surrounds_it(values: list[str], around: str) -> None:
    # What touches a value may make another word of it; a line between is how documents hold them.
    text = f"{around}\n" + "\n".join(values) + f"\n{around}"
    cleared = clear(text, OutboundPolicy()).text
    assert not [value for value in values if value in cleared and value not in around]
