"""One local model, run by two: questions by ONNX Runtime, batches of passages by torch in bfloat16."""

import threading
from collections.abc import Callable, Sequence

from llm.embedding import Embedder, Span, Vectors

_LONG = 4_000  # characters: more than the sentences that an answer is chosen from


class DividedEmbedder(Embedder):
    """Embeds with `quick`, and from the first long batch on with what `load` gives.

    A question takes torch twice the processor time that it takes ONNX Runtime, most of it under Python's
    lock; a batch of passages takes it half. Both give the same vectors. A process that embeds passages lets
    go of the graph: both at once would weigh 90 MiB more.
    """

    def __init__(self, quick: Embedder, load: Callable[[], Embedder]) -> None:
        super().__init__()
        self.name, self.revision, self.dimension = quick.name, quick.revision, quick.dimension
        self.max_tokens = quick.max_tokens
        self.query_prefix, self.passage_prefix = quick.query_prefix, quick.passage_prefix
        self._by, self._load = quick, load
        self._is_strong = False
        self._loading = threading.Lock()

    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token in `text`: no special tokens, nothing cut off."""
        return self._by.token_spans(text)

    def prepare_for_batches(self) -> None:
        """Load what embeds long batches, and from then on everything."""
        with self._loading:
            if not self._is_strong:
                self._by = self._load()
                self._is_strong = True

    def _embed(self, texts: Sequence[str]) -> Vectors:
        if sum(map(len, texts)) > _LONG:
            self.prepare_for_batches()
        return self._by.embed_batch(texts)
