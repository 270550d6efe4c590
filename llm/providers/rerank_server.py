"""Reranking by a server with Cohere's `/rerank`: vLLM, Jina, OpenVINO, a hosted API."""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from llm.errors import RerankError
from llm.reranking import Reranker, RerankerSpec, too_late

_CONNECT_SECONDS = 3.0
_LONGEST_SECONDS = 60.0
_MOST_BYTES = 8 << 20  # some servers send the texts back


class RerankServer(Reranker):
    """A remote reranker.

    Sends `{model, query, documents, top_n}` and reads `{results: [{index, relevance_score}]}`.
    """

    def __init__(self, spec: RerankerSpec) -> None:
        super().__init__(spec)
        self._url = f"{spec.base_url.rstrip('/')}/rerank"
        headers = {"Authorization": f"Bearer {spec.api_key}"} if spec.api_key else {}
        self._client = httpx.Client(headers=headers)

    def _score(self, query: str, texts: Sequence[str], *, deadline: float) -> Sequence[float]:
        body = {"model": self.spec.model, "query": query, "documents": list(texts), "top_n": len(texts)}
        seconds = min(deadline - time.monotonic(), _LONGEST_SECONDS)
        if seconds <= 0:
            raise too_late(self.spec)
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        try:
            with self._client.stream("POST", self._url, json=body, timeout=timeout) as reply:
                _check_status(reply.status_code)
                data = self._read(reply, deadline)
        except httpx.TimeoutException as error:
            raise too_late(self.spec) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RerankError(f"The reranker's server cannot be reached: {error}") from error
        return _scores(data, len(texts))

    def _read(self, reply: httpx.Response, deadline: float) -> bytes:
        """The whole reply; a server that sends it drop by drop, or without end, is left."""
        data = bytearray()
        for piece in reply.iter_bytes():
            data += piece
            if time.monotonic() > deadline:
                raise too_late(self.spec)
            if len(data) > _MOST_BYTES:
                raise RerankError("The reranker's server sent far more than numbers.")
        return bytes(data)


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    retriable = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    hint = "" if retriable else " Check its address, key and model name."
    raise RerankError(f"The reranker's server answered with status {status}.{hint}", permanent=not retriable)


def _scores(data: bytes, count: int) -> list[float]:
    """The numbers in the order of the request, whatever their order in the reply."""
    try:
        rows = {int(row["index"]): float(row["relevance_score"]) for row in json.loads(data)["results"]}
        return [rows[place] for place in range(count)]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise RerankError("The reply of the reranker's server is not the protocol.") from error
