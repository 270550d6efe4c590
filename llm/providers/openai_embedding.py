"""Embeddings from a server that speaks OpenAI's `/v1/embeddings`: vLLM, TEI, a hosted API."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
from tokenizers import Tokenizer

from llm.embedding import Embedder, EmbedderSpec, Span, Vectors
from llm.errors import EmbeddingError

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_DEFAULT_MAX_TOKENS = 256
# Special tokens that the server adds to each text.
_RESERVED = 4

# Without the model's own tokenizer, every 3 characters of a word count as a token and every other visible
# character as one. Subword tokenizers make 4 to 5 characters of English a token, and 3 of German, so this
# counts too many: chunks come out smaller than they might, and none is cut by the server.
_FALLBACK_TOKEN = re.compile(r"[a-zA-Z]{1,3}|\d|[^\s]")


class OpenAIEmbedder(Embedder):
    """A remote embedding model. Asks for one vector when it is made, to learn the dimension."""

    def __init__(self, spec: EmbedderSpec) -> None:
        super().__init__()
        self._spec = spec
        self._client = httpx.Client(timeout=_TIMEOUT, headers=_headers(spec))
        self._tokenizer = _load_tokenizer(spec.tokenizer)
        self.name = spec.model
        self.revision = spec.revision
        self.max_tokens = (spec.max_tokens or _DEFAULT_MAX_TOKENS) - _RESERVED
        self.dimension = self._embed(["dimension"]).shape[1]

    def token_spans(self, text: str) -> list[Span]:
        """The character span of every token: exact with a tokenizer, else an estimate on the safe side."""
        if self._tokenizer is None:
            return [match.span() for match in _FALLBACK_TOKEN.finditer(text)]
        offsets: list[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _embed(self, texts: Sequence[str]) -> Vectors:
        url = f"{self._spec.base_url.rstrip('/')}/embeddings"
        body = {"model": self._spec.model, "input": list(texts), "encoding_format": "float"}
        try:
            reply = self._client.post(url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmbeddingError(
                f"The embedding server cannot be reached: {error}", permanent=False
            ) from error
        _check_status(reply.status_code)
        return _vectors(reply, len(texts))


def _headers(spec: EmbedderSpec) -> dict[str, str]:
    return {"Authorization": f"Bearer {spec.api_key}"} if spec.api_key else {}


def _load_tokenizer(folder: str) -> Tokenizer | None:
    if not folder:
        return None
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise EmbeddingError(f"There is no tokenizer.json in {folder}.", permanent=True)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    retriable = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    hint = "" if retriable else " Check its address, key and model name, and the length of the texts."
    raise EmbeddingError(
        f"The embedding server answered with status {status}.{hint}", permanent=not retriable
    )


def _vectors(reply: httpx.Response, count: int) -> Vectors:
    """The vectors in the order of the request, whatever their order in the reply."""
    try:
        rows = sorted(reply.json()["data"], key=lambda row: int(row["index"]))
        vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddingError("The embedding server's reply is not the protocol.", permanent=False) from error
    if vectors.ndim != 2 or len(vectors) != count:  # noqa: PLR2004  two axes: texts and dimensions
        raise EmbeddingError(f"The embedding server sent no {count} vectors.", permanent=False)
    return vectors
