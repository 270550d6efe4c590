"""Models at hand: each process loads those of the live generations before anybody asks for them.

So a flip finds the new model loaded in every process, and the models of dropped generations are let go.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from django.db import DatabaseError, close_old_connections

from llm.embedding import EmbedderSpec, forget_embedders
from llm.errors import ModelError
from retrieval import reranking
from retrieval.generations import embedder_of, live_generations, spec_of
from retrieval.languages import measure_languages
from retrieval.models import Generation

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 3.0
_TRY_AGAIN_SECONDS = 60.0


def keep_models_loaded(
    tell: Callable[[str], None] = lambda _: None,
    *,
    also: Mapping[str, Callable[[], None]] | None = None,
    for_batches: bool = False,
) -> None:
    """Load the models from now on in a thread of their own, `for_batches` with what those need besides.

    `tell` is told what is wrong with the model of the serving generation, and an empty text when it is ready.
    `also` names what else is to be loaded, which questions can do without.
    """
    watch = _Watch(tell, also, for_batches=for_batches)
    threading.Thread(target=watch.run, name="load-model", daemon=True).start()


class _Watch:
    def __init__(
        self,
        tell: Callable[[str], None],
        also: Mapping[str, Callable[[], None]] | None = None,
        *,
        for_batches: bool = False,
    ) -> None:
        self._tell, self._for_batches = tell, for_batches
        self._also = {"loading the reranker": reranking.warm_up} | dict(also or {})
        self._faults: dict[EmbedderSpec, tuple[float, str]] = {}
        self._ready: set[EmbedderSpec] = set()
        self._again: dict[str, float] = {}

    def run(self) -> None:
        while True:
            try:
                self.look()
            except DatabaseError as error:
                log.warning("could not look which models are needed: %s", error)
            except Exception:  # the thread's edge: without it no flip would find its model loaded
                log.exception("could not load the models that are needed")
            close_old_connections()
            time.sleep(_LOOK_EVERY_SECONDS)

    def look(self) -> None:
        """Load what is missing, the serving model first, and let go of what is not needed."""
        specs = set()
        for generation in live_generations():
            try:
                specs.add(spec_of(generation))
                fault = self._load(generation)
                if not fault:
                    self._try(f"measuring {generation}", partial(measure_languages, generation))
            except ModelError as error:
                fault = str(error)
            if generation.state == Generation.State.SERVING:
                self._tell(fault)
        for what, load in self._also.items():
            self._try(what, load)
        if specs:
            self._ready &= specs
            forget_embedders(keep=specs)

    def _load(self, generation: Generation) -> str:
        spec = spec_of(generation)
        if spec in self._ready:
            return ""
        tried, fault = self._faults.get(spec, (-_TRY_AGAIN_SECONDS, ""))
        if time.monotonic() - tried < _TRY_AGAIN_SECONDS:
            return fault
        try:
            embedder = embedder_of(generation)
            if self._for_batches:
                embedder.prepare_for_batches()
            embedder.embed_query("ready")
        except ModelError as error:
            log.exception("the embedding model of %s cannot be used", generation)
            self._faults[spec] = (time.monotonic(), str(error))
            return str(error)
        self._ready.add(spec)
        return ""

    def _try(self, what: str, work: Callable[[], None]) -> None:
        """Do what search can do without, and where it fails try again in a minute."""
        if time.monotonic() < self._again.get(what, 0.0):
            return
        try:
            work()
        except ModelError as error:
            log.warning("%s failed: %s", what, error)
            self._again[what] = time.monotonic() + _TRY_AGAIN_SECONDS
