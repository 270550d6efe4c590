"""What admins do with generations: add a model, pause and resume its filling, flip to it, drop it.

Whoever calls these has made sure that the person is an admin: `retrieval.access.require_admin`. They tell
of no document.
"""

import time
from pathlib import Path

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from ingestion import ledger
from ingestion.models import IngestionJob
from llm.embedding import Embedder, load_embedder
from llm.errors import EmbeddingError
from retrieval.errors import InvalidInputError
from retrieval.filling import count_missing
from retrieval.generations import (
    create_partition,
    drop_partition,
    embedder_of,
    lock_generations,
    probe,
    serving_generation,
    spec_of,
)
from retrieval.models import Generation
from retrieval.secrets import encrypt

State = Generation.State

MOST_DIMENSIONS = 4000  # of an HNSW index over half floats
_PAUSED = "Paused by an admin."
_DROP_TRIES = 60
_DROP_WAIT = "250ms"


def get_generation(number: int) -> Generation:
    """Return a generation by its number. Raises InvalidInputError where there is none."""
    found = Generation.objects.filter(pk=number).first()
    if found is None:
        raise InvalidInputError(f"There is no generation {number}. The list shows which there are.")
    return found


def add_generation(
    *, model: str, revision: str = "", base_url: str = "", api_key: str = "", max_tokens: int = 0
) -> Generation:
    """Add an embedding model beside the one that serves, and queue its filling.

    `model` is a folder or a name that sentence-transformers loads, or with `base_url` a model of that
    OpenAI-compatible server, which reads `max_tokens` tokens at once. The model is used once, to see that it
    works. Raises InvalidInputError where it does not, or could not take the passages as they are cut.
    """
    draft = Generation(
        kind=Generation.Kind.OPENAI if base_url.strip() else Generation.Kind.LOCAL,
        model=model.strip(),
        revision=revision.strip(),
        base_url=base_url.strip(),
        secret=encrypt(api_key.strip()),
        max_tokens=max_tokens,
    )
    _check_is_new(draft)
    _try_out(draft)
    with transaction.atomic():
        lock_generations()
        _check_is_new(draft)
        draft.save()
        create_partition(draft)
        ledger.open_fill(generation=draft)
    return draft


def _check_is_new(draft: Generation) -> None:
    if not draft.model:
        raise InvalidInputError("Name the model: a folder, or a name.")
    if not draft.base_url and draft.model.startswith(("/", ".")) and not Path(draft.model).is_dir():
        raise InvalidInputError(
            f"There is no folder {draft.model} that the portal could read on this machine."
        )
    if draft.base_url and not draft.base_url.startswith(("http://", "https://")):
        raise InvalidInputError(
            "The server's address begins with http:// or https://, such as http://tei:8080/v1."
        )
    same = Generation.objects.filter(model=draft.model, revision=draft.revision, base_url=draft.base_url)
    if found := same.first():
        raise InvalidInputError(
            f"{found} is of this model already. Resume it or flip to it, or drop it first."
        )


def _try_out(draft: Generation) -> None:
    """Use the model once, and note what it tells of itself. Raises InvalidInputError."""
    try:
        model = load_embedder(spec_of(draft))
        draft.probe = probe(model)
    except EmbeddingError as error:
        raise InvalidInputError(f"The model {draft.model} cannot be used: {error}") from error
    serving = serving_generation()
    draft.dimension = model.dimension
    draft.chunk_tokens = serving.chunk_tokens or embedder_of(serving).max_tokens
    _check_fits(draft, model)


def _check_fits(draft: Generation, model: Embedder) -> None:
    if model.dimension > MOST_DIMENSIONS:
        raise InvalidInputError(
            f"The vectors of {draft.model} have {model.dimension:,} dimensions; at most {MOST_DIMENSIONS:,} "
            "can be indexed. Choose another model."
        )
    if model.max_tokens >= draft.chunk_tokens:
        return
    advice = "Choose a model that reads more at once."
    if draft.kind == Generation.Kind.OPENAI:
        advice = "Say how many tokens it reads at once (max tokens), or choose another model."
    raise InvalidInputError(
        f"{draft.model} reads {model.max_tokens} tokens at once, passages have up to {draft.chunk_tokens}. "
        + advice
    )


def move_model(
    *, generation: Generation, model: str = "", base_url: str = "", api_key: str | None = None
) -> None:
    """Note where the model of a generation is to be found from now on; an empty value leaves what was.

    Its vectors stay. Raises InvalidInputError where it does not work there, or another model is there.
    """
    there = get_generation(generation.pk)
    if base_url and there.kind == Generation.Kind.LOCAL:
        raise InvalidInputError(f"The model of {there} runs on the portal's own machines, not on a server.")
    there.model, there.base_url = model.strip() or there.model, base_url.strip() or there.base_url
    there.secret = there.secret if api_key is None else encrypt(api_key.strip())
    try:
        there.probe = probe(embedder_of(there))
    except EmbeddingError as error:
        raise InvalidInputError(f"The model cannot be used there: {error}") from error
    there.save(update_fields=["model", "base_url", "secret", "probe"])


@transaction.atomic
def pause_generation(*, generation: Generation) -> None:
    """Stop embedding with a model: its filling, and for what is published. What it has made is kept.

    Raises InvalidInputError for the generation that serves.
    """
    found = _locked(generation)
    if found.state == State.SERVING:
        raise InvalidInputError(f"{found} serves. Flip to another one first.")
    _stop(found)


@transaction.atomic
def resume_generation(*, generation: Generation) -> None:
    """Fill what a generation lacks, from where it stood. Raises InvalidInputError where nothing can."""
    found = _locked(generation)
    if found.state in {State.SERVING, State.READY}:
        raise InvalidInputError(
            f"{found} is {found.get_state_display().lower()}: there is nothing to resume."
        )
    if found.state == State.PAUSED:
        _become(found, State.FILLING)
    ledger.open_fill(generation=found)


def flip_to(*, generation: Generation) -> Generation:
    """Let searches use a generation from the next one on; return the one that served until now.

    That one is kept complete, to be flipped back to; one that was kept before it is paused. Raises
    InvalidInputError where the generation lacks vectors, counted in the transaction that flips, and where the
    server of its model does not answer.
    """
    if generation.kind == Generation.Kind.OPENAI:
        try:
            probe(embedder_of(generation))
        except EmbeddingError as error:
            raise InvalidInputError(f"The model of {generation} cannot be used now: {error}") from error
    return _flip(generation)


@transaction.atomic
def _flip(generation: Generation) -> Generation:
    found = _locked(generation)
    if found.state == State.SERVING:
        raise InvalidInputError(f"{found} serves already.")
    # The row before the count: whoever publishes without vectors for it has locked its row, too.
    found = Generation.objects.select_for_update().get(pk=found.pk)
    if missing := count_missing(found):
        raise InvalidInputError(
            f"{found} has no vectors of {missing:,} passage{'' if missing == 1 else 's'} yet. "
            "Let it fill to the end, then flip."
        )
    if found.state not in {State.READY, State.RETIRED}:  # what is being published now may be without vectors
        raise InvalidInputError(f"{found} is {found.get_state_display().lower()}. Let it become ready first.")
    before = serving_generation()
    for kept in Generation.objects.filter(state=State.RETIRED).exclude(pk=found.pk):
        _stop(kept)
    _become(found, State.FILLING)
    _become(before, State.RETIRED)
    _become(found, State.SERVING)
    return before


def drop_generation(*, generation: Generation) -> None:
    """Remove a generation with its vectors, their index and its job, for good.

    Waits for searches that are under way, and lets new ones pass while it does. Raises InvalidInputError for
    the one that serves, and where others use its vectors for longer than it can wait.
    """
    for _ in range(_DROP_TRIES):
        try:
            return _drop(generation)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
        time.sleep(0.1)
    raise InvalidInputError(f"{generation} is being read or written all the time just now. Try it again.")


@transaction.atomic
def _drop(generation: Generation) -> None:
    """Wait for locks less long than anybody notices: who waits for the table holds up whoever comes after."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_DROP_WAIT])
    found = _locked(generation)
    if found.state == State.SERVING:
        raise InvalidInputError(f"{found} serves. Flip to another one first.")
    ledger.cancel(jobs=IngestionJob.objects.filter(generation=found), message="Its generation was dropped.")
    drop_partition(found)
    found.delete()


def _locked(generation: Generation) -> Generation:
    """Return the generation as it is now, and keep it and all others so until the transaction ends."""
    lock_generations()
    return get_generation(generation.pk)


def _stop(generation: Generation) -> None:
    """Pause a generation. Its job comes first: a fill that writes locks them in this order."""
    ledger.cancel(jobs=IngestionJob.objects.filter(generation=generation), message=_PAUSED)
    _become(generation, State.PAUSED)


def _become(generation: Generation, state: Generation.State) -> None:
    Generation.objects.filter(pk=generation.pk).update(state=state)
