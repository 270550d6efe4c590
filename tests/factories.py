"""Plain functions that make people, teams, collections and documents for the tests.

The cast is the same everywhere: Alice owns (she manages the team *Blue*), Bob is her team mate, Charlie is
outside (he is alone in the team *Red*). `document` writes rows as a finished ingest leaves them, without
loading a model; `searchable_document` embeds and publishes with the real services, so that search finds it.
"""

import hashlib
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from ingestion.models import IngestionJob, Source
from portal.accounts.models import ApiToken, Membership, Team, User
from portal.accounts.tokens import create_token
from portal.answers.models import Conversation, Question
from portal.evaluation.models import EvaluatedQuestion, EvaluationRun
from retrieval.generations import embedder, ensure_first_generation
from retrieval.indexing import NewChunk, NewIndex, NewPage, publish_version
from retrieval.models import (
    Chunk,
    Collection,
    Document,
    DocumentText,
    DocumentVersion,
    Grant,
    Page,
    PostingBlock,
    Role,
)
from retrieval.postings import entries_of

PASSWORD = "a long enough password"
WARRANTY = "The Falcon kettle has a warranty of 24 months from the day of purchase."
RETURNS = "Returns are free of charge within 30 days when the box is unopened."

_numbers = itertools.count(1)


def user(
    email: str = "",
    *,
    name: str = "",
    is_admin: bool = False,
    password: str | None = None,
) -> User:
    """Return a person; without a password they cannot sign in by password (that is quicker to make)."""
    email = email or f"person{next(_numbers)}@example.com"
    return User.objects.create_user(email=email, name=name, password=password, is_admin=is_admin)


def team(name: str = "", *, managers: Sequence[User] = (), members: Sequence[User] = ()) -> Team:
    name = name or f"Team {next(_numbers)}"
    made = Team.objects.create(name=name, slug=name.lower().replace(" ", "-"))
    for person in managers:
        Membership.objects.create(team=made, user=person, role=Membership.Role.MANAGER)
    for person in members:
        Membership.objects.create(team=made, user=person)
    return made


def collection(
    title: str = "",
    *,
    owner: Team | None = None,
    readers: Sequence[Team] = (),
    everyone: bool = False,
) -> Collection:
    """Return a collection whose owner team manages it, read by `readers` and, if asked, by everyone."""
    title = title or f"Collection {next(_numbers)}"
    owner = owner or team()
    made = Collection.objects.create(
        title=title,
        slug=title.lower().replace(" ", "-"),
        owner_team=owner,
        description=f"About {title}.",
    )
    grant(made, team=owner, role=Role.MANAGER)
    for reader in readers:
        grant(made, team=reader)
    if everyone:
        grant(made, team=None)
    return made


def grant(collection: Collection, *, team: Team | None, role: Role = Role.READER) -> Grant:
    return Grant.objects.create(collection=collection, team=team, role=role)


def token(owner: User, *scopes: str, days: int = 1) -> tuple[ApiToken, str]:
    """Return an API token and its secret; without scopes it has them all."""
    return create_token(user=owner, name="test", scopes=scopes or ApiToken.Scope.values, days=days)


def bearer(owner: User, *scopes: str) -> dict[str, str]:
    """Return the headers with which `django.test.Client` speaks to the API as this person."""
    return {"Authorization": f"Bearer {token(owner, *scopes)[1]}"}


def document(
    collection: Collection,
    *,
    name: str = "",
    title: str = "",
    passages: Sequence[str] = (WARRANTY,),
    narrowed_to: Sequence[Team] | None = None,
    created_by: User | None = None,
) -> Document:
    """Return an indexed document with one page and chunk per passage: text, pages, chunks, a finished job.

    It has no vectors and no postings, so search does not find it: `searchable_document` is for that.
    """
    made = waiting_document(collection, name=name, title=title, created_by=created_by)
    version = made.versions.get()
    text = "\n\n".join(passages)
    DocumentText.objects.create(
        version=version,
        text=text,
        blocks=[["paragraph", *span, 0] for span in _spans(passages)],
    )
    for number, (passage, span) in enumerate(zip(passages, _spans(passages), strict=True)):
        _page_and_chunk(version, number=number, passage=passage, span=span)
    now = timezone.now()
    DocumentVersion.objects.filter(pk=version.pk).update(
        parser="text",
        page_count=len(passages),
        chunk_count=len(passages),
        indexed_at=now,
    )
    version.jobs.update(state="indexed", stage="done", attempts=1, finished_at=now)
    version.refresh_from_db()
    made.current_version = version
    made.is_narrowed = narrowed_to is not None
    made.save(update_fields=["current_version", "is_narrowed"])
    made.narrowed_to.set(narrowed_to or [])
    return made


def indexed_terms() -> int:
    """Return how many terms all postings count."""
    blocks = PostingBlock.objects.values_list("entries", flat=True)
    return sum(int(entries_of(bytes(block))["frequency"].sum()) for block in blocks)


def searchable_document(
    collection: Collection,
    *,
    passages: Sequence[str],
    name: str = "",
    title: str = "",
    headings: Sequence[str] = (),
    author: str = "",
    narrowed_to: Sequence[Team] | None = None,
    created_by: User | None = None,
) -> Document:
    """Return a document that search finds, with real embeddings; one chunk and page per passage.

    The first call of a process loads the embedding model, which takes seconds.
    """
    made = waiting_document(collection, name=name, title=title, created_by=created_by)
    version = made.versions.get()
    with transaction.atomic():
        publish_version(
            version=version,
            index=index(made.title, passages, headings=headings, author=author),
            generation=ensure_first_generation(),
        )
    version.jobs.update(state="indexed", stage="done", attempts=1, finished_at=timezone.now())
    made.refresh_from_db()
    made.is_narrowed = narrowed_to is not None
    made.save(update_fields=["is_narrowed"])
    made.narrowed_to.set(narrowed_to or [])
    return made


def index(title: str, passages: Sequence[str], *, headings: Sequence[str] = (), author: str = "") -> NewIndex:
    spans = _spans(passages)
    chunks = [
        NewChunk(
            ordinal=number,
            text=passage,
            context=title,
            heading_path=(),
            page=number + 1,
            last_page=number + 1,
            start=span[0],
            end=span[1],
            tokens=len(passage.split()),
        )
        for number, (passage, span) in enumerate(zip(passages, spans, strict=True))
    ]
    pages = [
        NewPage(
            number=number,
            label="",
            width=595,
            height=842,
            start=span[0],
            end=span[1],
            lines=((*span, 0.1, 0.1, 0.9, 0.12),),
        )
        for number, span in enumerate(spans, start=1)
    ]
    every = _spans([*passages, *headings])
    return NewIndex(
        text="\n\n".join([*passages, *headings]),
        blocks=[
            *(("paragraph", *span, 0) for span in spans),
            *(("heading", *span, 1) for span in every[len(spans) :]),
        ],
        pages=pages,
        chunks=chunks,
        vectors=embedder().embed_passages([chunk.indexed_text for chunk in chunks]),
        title=title,
        parser="text",
        parser_version="1",
        warnings=(),
        metadata={"author": author} if author else {},
    )


def waiting_document(
    collection: Collection,
    *,
    name: str = "",
    title: str = "",
    created_by: User | None = None,
    job: dict[str, Any] | None = None,
) -> Document:
    """Return a document that was uploaded and is not indexed; `job` sets fields of its ledger row."""
    name = name or f"paper-{next(_numbers)}.txt"
    made = Document.objects.create(
        collection=collection, name=name, title=title or name, created_by=created_by
    )
    content = name.encode()
    version = DocumentVersion.objects.create(
        document=made,
        number=1,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media_type="text/plain",
        created_by=created_by,
    )
    IngestionJob.objects.create(version=version, **(job or {}))
    return made


def question(
    user: User, text: str = "How long is the warranty?", *, follows: Question | None = None
) -> Question:
    """Return a question that was not answered yet, in a conversation of its own or in that of `follows`."""
    conversation = follows.conversation if follows else Conversation.objects.create(user=user, title=text)
    return Question.objects.create(user=user, conversation=conversation, text=text)


def failed_document(collection: Collection, *, reason: str = "encrypted", **more: Any) -> Document:
    job = {
        "state": "failed",
        "attempts": 1,
        "reason": reason,
        "message": "The file is encrypted.",
    }
    return waiting_document(collection, job=job | {"finished_at": timezone.now()}, **more)


def _spans(passages: Sequence[str]) -> list[tuple[int, int]]:
    spans, start = [], 0
    for passage in passages:
        spans.append((start, start + len(passage)))
        start += len(passage) + 2
    return spans


def _page_and_chunk(version: DocumentVersion, *, number: int, passage: str, span: tuple[int, int]) -> None:
    start, end = span
    Page.objects.create(
        version=version,
        number=number + 1,
        width=595,
        height=842,
        start=start,
        end=end,
        lines=[[start, end, 0.1, 0.1, 0.9, 0.12]],
    )
    Chunk.objects.create(
        collection_id=version.document.collection_id,
        version=version,
        ordinal=number,
        text=passage,
        context=version.document.title,
        page=number + 1,
        last_page=number + 1,
        start=start,
        end=end,
        tokens=len(passage.split()),
    )


def upload(name: str = "note.txt", content: bytes = b"Leave is 30 days a year.") -> SimpleUploadedFile:
    """Return a file as a browser or API client sends it."""
    return SimpleUploadedFile(name, content)


def pdf(*pages: str) -> bytes:
    """Return a PDF with a text layer: one page per text, a line per line."""
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # ships no types

    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=True)
    for page in pages:
        for row, line in enumerate(page.splitlines()):
            canvas.drawString(72, 770 - 16 * row, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def docx(*paragraphs: str, heading: str = "") -> bytes:
    """Return a Word file with a heading, if given, and these paragraphs."""
    from docx import Document as WordDocument

    word, buffer = WordDocument(), io.BytesIO()
    if heading:
        word.add_heading(heading, level=1)
    for paragraph in paragraphs:
        word.add_paragraph(paragraph)
    word.save(buffer)
    return buffer.getvalue()


def source(
    collection: Collection, *, name: str = "", kind: str = "folder", acts_for: User | None = None, **more: Any
) -> Source:
    """Return a source that nothing was read from yet."""
    made: Source = Source.objects.create(
        collection=collection, name=name or f"Source {next(_numbers)}", kind=kind, acts_for=acts_for, **more
    )
    return made


def evaluation_run(
    name: str = "small", *, worth: Sequence[float] = (1.0, 0.5), settings: dict[str, Any] | None = None
) -> EvaluationRun:
    """Return a kept run whose questions q1, q2, … have these values of ndcg@10."""
    run = EvaluationRun.objects.create(
        name=name,
        fingerprint="0" * 64,
        model="a model",
        settings=settings or {},
        documents=2,
        chunks=2,
        questions=len(worth),
        search={"hybrid": {"ndcg@10": sum(worth) / max(len(worth), 1)}},
        timings={"search": {"p50_ms": 10.0, "p95_ms": 20.0}},
    )
    EvaluatedQuestion.objects.bulk_create(
        EvaluatedQuestion(
            run=run,
            ordinal=number,
            key=f"q{number}",
            question=f"Question {number}?",
            wanted={"kettle.txt": 1},
            found=["kettle.txt" if value == 1 else "travel.txt"],
            figures={"hybrid": {"ndcg@10": value}},
            search_ms=10,
        )
        for number, value in enumerate(worth, 1)
    )
    return run


@dataclass(frozen=True, slots=True)
class Cast:
    """Alice manages Blue, Bob is in Blue, Charlie alone in Red; `papers` is Blue's collection."""

    alice: User
    bob: User
    charlie: User
    blue: Team
    red: Team
    papers: Collection
    paper: Document


def cast(*, searchable: bool = False) -> Cast:
    """Return the people of most tests, with one collection and one indexed document of Blue's."""
    alice, bob = (
        user("alice@example.com", name="Alice"),
        user("bob@example.com", name="Bob"),
    )
    charlie = user("charlie@example.com", name="Charlie")
    blue = team("Blue", managers=[alice], members=[bob])
    red = team("Red", managers=[charlie])
    papers = collection("Blueprints", owner=blue)
    make = searchable_document if searchable else document
    paper = make(
        papers, name="warranty.txt", title="Warranty terms", created_by=alice, passages=[WARRANTY, RETURNS]
    )
    return Cast(
        alice=alice,
        bob=bob,
        charlie=charlie,
        blue=blue,
        red=red,
        papers=papers,
        paper=paper,
    )
