"""What a model writes becomes plain sentences and the numbers that they cite."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.answer_reader import AnswerReader, Sentence, Words
from llm.plain_text import REMOVED_LINK, plain_text


def read(text: str, *, step: int = 3, marker: str = "") -> list[Sentence]:
    """The sentences of `text`, fed in pieces of `step` characters."""
    reader = AnswerReader(marker)
    found = [r for i in range(0, len(text), step) for r in reader.feed(text[i : i + step])]
    found += reader.close()
    words = "".join(r.text for r in found if isinstance(r, Words))
    sentences = [r for r in found if isinstance(r, Sentence)]
    assert words == "".join(s.text for s in sentences)
    return sentences


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("It is so [1].", (1,)),
        ("It is so. [1]", (1,)),
        ("It is so.[1]", (1,)),
        ("It is so [1, 2].", (1, 2)),
        ("It is so [1][2].", (1, 2)),
        ("It is so [1-3].", (1, 2, 3)),
        ("It is so 【2】.", (2,)),
        ("It is so 【2†source】.", (2,)),
        ("It is so [Source 2].", (2,)),
        ("It is so [1] and so [1].", (1,)),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 100])
def test_reads_every_form_of_citation(written: str, numbers: tuple[int, ...], step: int) -> None:
    (sentence,) = read(written, step=step)
    assert sentence.numbers == numbers
    assert sentence.text in {"It is so.", "It is so and so."}


def test_gives_each_sentence_its_own_numbers() -> None:
    sentences = read("Dr. Smith paid 3.50 euros [1]. He left. [2][3] Nobody knows why.")
    assert [(s.text, s.numbers) for s in sentences] == [
        ("Dr. Smith paid 3.50 euros.", (1,)),
        ("He left.", (2, 3)),
        ("Nobody knows why.", ()),
    ]


def test_a_line_is_a_sentence_and_marks_go() -> None:
    sentences = read("## Steps\n* **Open** the form [1]\n* Sign `it` [2]\n\nDone.")
    assert [s.text for s in sentences] == ["Steps", "- Open the form", "- Sign it", "Done."]
    assert [s.numbers for s in sentences] == [(), (1,), (2,), ()]


def test_gives_a_copied_marker_its_spaces_back() -> None:
    assert read("This\u02c6is\u02c6so [1].", marker="\u02c6")[0].text == "This is so."


def test_leaves_thoughts_out() -> None:
    assert [s.text for s in read("<think>Hm, [1] may be.</think>\nIt is so [2].")] == ["It is so."]


def test_words_come_before_the_sentence_ends() -> None:
    reader = AnswerReader()
    assert reader.feed("The hotel costs ") == [Words("The hotel costs")]


def test_the_first_letters_do_not_wait_for_their_word() -> None:
    reader = AnswerReader(whole="NOT_THERE")
    assert reader.feed("Sta") == [Words("Sta")]
    assert reader.feed("ff") == []
    assert reader.feed(" may") == [Words("ff")]
    assert AnswerReader().feed("<thi") == []
    assert AnswerReader().feed(" [1") == []


@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_word_that_means_something_by_itself_is_seen_whole(step: int) -> None:
    for word in ("NOT_THERE", "NOTHING"):
        reader = AnswerReader(whole="NOT_THERE")
        read_first = [r for i in range(0, len(word), step) for r in reader.feed(word[i : i + step])]
        read_first += reader.close()
        assert (read_first[0] == Words(word)) == (word == "NOT_THERE")
        assert read_first[-1] == Sentence(word, ())


def test_an_address_that_follows_its_first_letters_goes() -> None:
    reader = AnswerReader()
    assert reader.feed("evil") == [Words("evil")]
    assert reader.feed(".example/path?secret=1 is") == [Words(f" {REMOVED_LINK}")]


@pytest.mark.parametrize(
    "attack",
    [
        "![x](https://evil.example/?q=1)",
        "[click](https://evil.example/a b)",
        "[click here]( javascript:alert(1) )",
        "<img src=https://evil.example/x onerror=alert(1)>",
        "<scr<b>ipt>alert(1)</scr</b>ipt>",
        "http[1]://evil.example/x",
        "www[1].evil.example",
        "javascript:[1])",
        "<a href='https://evil.example'>x</a>",
        "[ref]: https://evil.example\n![a][ref]",
        "data:text/html;base64,AAAA",
        "<https://evil.example>",
        "ht<b></b>tps://evil.example/x",
        "evil.example/path?secret=1",
        "hxxp\u200b://x https\u200b://evil.example",
    ],
)
@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_nothing_active_comes_out(attack: str, step: int) -> None:
    for begins in ("See ", ""):
        text = " ".join(s.text for s in read(f"{begins}{attack} now [1]. And {attack}", step=step))
        assert_inert(text)


def test_invisible_and_bidi_characters_go() -> None:
    assert read("Safe\u202etxt\u2066 a\u200bb\U000e0041 \x07end\ufe0f")[0].text == "Safetxt ab end"


PIECES = [
    *"<>[]()!:*_`a.#\u200b", "http", "https", "//", "://", "www.", "evil.com", "/x", "[1]", "<b>", "</b>",
    "script", "img src=", "javascript:",
]  # fmt: skip


@given(st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=30), st.integers(1, 9))
def test_no_mixture_of_pieces_becomes_active(pieces: list[str], step: int) -> None:
    assert_inert(" ".join(s.text for s in read("".join(pieces), step=step)))


def assert_inert(text: str) -> None:
    assert not re.search(r"[a-z][a-z0-9+.-]*://|\bwww\.\w|javascript:\S|data:\w+/", text, re.IGNORECASE), text
    assert not re.search(r"<[/!?A-Za-z]", text), text
    assert not re.search(r"!\[|\]\(", text), text


@pytest.mark.parametrize(
    "text", ["2 * 3 = 6 and 5*3", "a < b and c > d", "Ratio and/or 24/7 at 10:30", "The data: fine"]
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text
