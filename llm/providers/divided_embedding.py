"""One local model, run by two: questions by ONNX Runtime, batches of passages by torch in bfloat16."""

import threading
from collections.abc import Callable, Sequence

from llm.embedding import Embedder, Span, Vectors

_LONG = 4_000  # characters: more than the sentences that an answer is chosen from


class DividedEmbedder(Embedder):
    """Embeds short batches with `quick`, long ones with what `load` gives, loaded when it is first needed.

    A question takes torch twice the processor time that it takes ONNX Runtime, most of it under Python's
    lock; a batch of passages takes it half. Both give the same vectors.
    """

    def __init__(self, quick: Embedder, load: Callable[[], Embedder]) -> None:
        super().__init__()
        self.name, self.revision, self.dimension = quick.name, quick.revision, quick.dimension
        self.max_tokens = quick.max_tokens
        self.query_prefix, self.passage_prefix = quick.query_prefix, quick.passage_prefix
        self._quick, self._load = quick, load
        self._strong: Embedder | None = None
        self._loading = threading.Lock()

    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token in `text`: no special tokens, nothing cut off."""
        return self._quick.token_spans(text)

    def prepare_for_batches(self) -> None:
        """Load what embeds long batches."""
        self._loaded()

    def _embed(self, texts: Sequence[str]) -> Vectors:
        is_long = sum(map(len, texts)) > _LONG
        return (self._loaded() if is_long else self._quick).embed_batch(texts)

    def _loaded(self) -> Embedder:
        with self._loading:
            self._strong = self._strong or self._load()
            return self._strong
