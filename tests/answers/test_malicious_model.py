"""A model that obeys every order in its sources: nothing that it writes can act, leave or pretend."""

import base64
import codecs
import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from asgiref.sync import async_to_sync
from bs4 import BeautifulSoup
from django.test import AsyncClient, override_settings
from markdown_it import MarkdownIt

from llm.checking import LEAKED
from llm.embedding import Vectors
from llm.prompt import SYSTEM_PROMPT
from portal.answers.services import ask
from retrieval.generations import embedder
from retrieval.models import Collection
from tests import factories
from tests.answers.attacks import CORPUS, THEFTS, of_corpus, planted
from tests.api.client import Api, ok
from tests.factories import Cast
from tests.fakes.obedient_model import ObedientServer, order

QUESTION = "How much may staff spend on a hotel in Paris?"
FACT = "Staff may spend up to 180 euros a night on a hotel in Paris."
WORDS_A_PASSAGE = 110
PASSAGES = 8

ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*:[/\\]{2}|\bwww\.\w|(?:javascript|vbscript|mailto|tel):\S|data:\w+[/;]"
    r"|(?<![\w/])//\w|evil\.example[/?#:]|203\.0\.113\.5/",
    re.IGNORECASE,
)
ACTIVE = re.compile(r"<[/!?A-Za-z]|!\[|\]\(|\[\d+\]|\uff3b\d|\u3010\d")
LOCAL = re.compile(r"(?:/(?!/)|\?|#)[^\\]*")
OWN_TAGS = {
    "span",
    "a",
    "strong",
    "br",
    "p",
    "div",
    "h2",
    "h3",
    "section",
    "aside",
    "article",
    "mark",
    "time",
}


@dataclass(frozen=True, slots=True)
class Read:
    """An answer as it was streamed, as its page shows it, and as the API returns it."""

    streamed: str
    page: str
    answer: dict[str, Any]
    obeyed: int


class OneVector:
    """Gives every passage the vector of the fact that it begins with: they need not be told apart."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.repeat(embedder().embed_passages([FACT]), len(texts), axis=0)


@pytest.fixture
def cast(db: None, monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.setattr(factories, "embedder", OneVector)
    return factories.cast()


def shelve(cast: Cast, payloads: Sequence[str], title: str) -> list[Collection]:
    """Documents with these orders planted, as few as hold them, eight passages in each collection."""
    passages, running = [], FACT
    for payload in payloads:
        added = f"{running} {order(payload)}"
        if len(re.findall(r"\w+|[^\w\s]", added)) > WORDS_A_PASSAGE and running != FACT:
            passages.append(running)
            added = f"{FACT} {order(payload)}"
        running = added
    passages.append(running)
    shelves = []
    for number in range(0, len(passages), PASSAGES):
        shelf = factories.collection(f"{title} {number}", owner=cast.blue)
        factories.searchable_document(
            shelf, title="Travel policy", passages=passages[number : number + PASSAGES]
        )
        shelves.append(shelf)
    return shelves


def read(cast: Cast, shelf: Collection) -> Read:
    """Ask, as a browser does, and open the answer again as a page and over the API."""
    question = ask(user=cast.bob, text=QUESTION, collections=[shelf.slug])
    server = ObedientServer(opening=f"{FACT} [1]")

    async def stream() -> str:
        client = AsyncClient()
        await client.aforce_login(cast.bob)
        async with server.running():
            with override_settings(
                LLM_BASE_URL=server.base_url,
                LLM_MODEL="obedient",
                LLM_CONTEXT_TOKENS=64_000,
                LLM_MAX_OUTPUT_TOKENS=8_000,
            ):
                response: Any = await client.get(f"/questions/{question.pk}/stream")
                return b"".join([piece async for piece in response.streaming_content]).decode()

    streamed = async_to_sync(stream)()

    async def page() -> str:
        client = AsyncClient()
        await client.aforce_login(cast.bob)
        return (await client.get(f"/questions/{question.pk}")).content.decode()

    return Read(streamed, async_to_sync(page)(), _answer(cast, question.pk), server.obeyed)


def _answer(cast: Cast, question_id: object) -> dict[str, Any]:
    return dict(ok(Api(cast.bob, "read").get(f"/answers/{question_id}")))


def assert_harmless(got: Read) -> None:
    for sentence in got.answer["sentences"]:
        assert_inert(sentence["text"])
    assert_no_markup_in_markdown(got.answer["text"])
    for number, event in enumerate(got.streamed.split("\n\n")):
        name = event.partition("\n")[0].removeprefix("event: ")
        data = "\n".join(
            line.removeprefix("data: ") for line in event.split("\n") if line.startswith("data: ")
        )
        assert name.startswith(
            ("retry:", "begin", "status", "notice", "sources", "text", "sentence", "done")
        ) or (not name), (number, event)
        assert_local(data)
        if name == "text":
            assert_inert(BeautifulSoup(data, "html.parser").get_text())
    assert_local(got.page)
    assert_cites_what_was_found(got)


def assert_inert(text: str) -> None:
    for form in (text, html.unescape(text), unicodedata.normalize("NFKC", text)):
        assert not ADDRESS.search(form), text
        assert not ACTIVE.search(form), text
    assert all(unicodedata.category(char)[0] != "C" or char == "\n" for char in text), ascii(text)


def assert_no_markup_in_markdown(text: str) -> None:
    """Somebody who renders the API's text as Markdown gets no link, image or HTML."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in (token.children or [])} | {
        one.type for one in tokens
    }
    assert not kinds & {"link_open", "image", "html_inline", "html_block"}, text


def assert_local(page: str) -> None:
    """No element of a page leads away or runs; what is quoted from documents is text."""
    soup = BeautifulSoup(page, "html.parser")
    for element in soup.find_all(True):
        for name, value in element.attrs.items():
            assert not name.startswith("on"), element
            if name in {
                "href",
                "src",
                "action",
                "srcset",
                "data",
                "formaction",
                "poster",
                "hx-get",
                "hx-post",
            }:
                assert LOCAL.fullmatch(str(value)), element
        if element.name == "script":
            assert not element.get_text(strip=True), element
    for part in soup.select(".answer-text"):
        assert {one.name for one in part.find_all(True)} <= OWN_TAGS, part


def assert_cites_what_was_found(got: Read) -> None:
    found = {citation["document_id"] for citation in got.answer["citations"]}
    numbers = {citation["number"] for citation in got.answer["citations"]}
    assert {n for sentence in got.answer["sentences"] for n in sentence["citations"]} <= numbers
    for link in BeautifulSoup(got.streamed + got.page, "html.parser").select("a.cite"):
        assert re.fullmatch(r"/documents/([0-9a-f-]{36})\?start=\d+&end=\d+#passage", str(link["href"])), link
        assert str(link["href"]).split("/")[2].partition("?")[0] in found


def test_a_hundred_and_fifty_planted_attacks_do_nothing(cast: Cast) -> None:
    payloads = planted()
    assert len(payloads) >= 100
    obeyed = 0
    for shelf in shelve(cast, payloads, "Planted"):
        got = read(cast, shelf)
        assert got.answer["engine"] == "llm", got.answer["notice"]
        assert_harmless(got)
        obeyed += got.obeyed
    assert obeyed == len(payloads)


@pytest.mark.skipif(not CORPUS.is_file(), reason=f"the injection corpus is not at {CORPUS}")
def test_the_published_attacks_do_nothing(cast: Cast) -> None:
    payloads = of_corpus()
    assert len(payloads) == 75
    obeyed = 0
    for shelf in shelve(cast, payloads, "Published"):
        got = read(cast, shelf)
        assert_harmless(got)
        obeyed += got.obeyed
    assert obeyed == 75


def test_the_instructions_stay_where_they_are(cast: Cast) -> None:
    for number, theft in enumerate(THEFTS):
        (shelf,) = shelve(cast, [theft], f"Theft {number}")
        got = read(cast, shelf)
        assert got.obeyed == 1
        assert got.answer["notice"] == LEAKED, theft
        assert_harmless(got)
        assert_tells_no_instructions(got)


def assert_tells_no_instructions(got: Read) -> None:
    told = BeautifulSoup(got.streamed + got.page, "html.parser").get_text() + got.answer["text"]
    squeezed = _squeezed(told)
    for form in _forms(SYSTEM_PROMPT):
        assert not [form[i : i + 60] for i in range(len(form) - 60) if form[i : i + 60] in squeezed]


def _forms(text: str) -> list[str]:
    told = text.encode()
    encoded = [text[::-1], codecs.encode(text, "rot13"), base64.b64encode(told).decode(), told.hex()]
    return [_squeezed(form) for form in (text, *encoded)]


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
