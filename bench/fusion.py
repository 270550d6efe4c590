"""What each way of fusing words and meaning is worth, on evaluation sets, through the real pipeline.

`python bench/fusion.py FOLDER... [--questions N]` adds the documents of each set to a throw-away portal, asks
its questions once, and fuses the same candidates with every weight of meaning, and by reciprocal ranks. The
first column says how well the embedding model knows the set's language. All figures are hundredths. The last
line is one JSON object.
"""

# ruff: noqa: E402 - Django has to be set up first

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.test import override_settings

from bench.tools import figures
from ingestion.documents import add_document
from ingestion.pipeline import work_on_next
from portal.accounts.models import User
from portal.accounts.teams import create_team
from portal.evaluation import metrics
from portal.evaluation.evalset import EvalQuestion, EvalSet, read_evalset
from portal.evaluation.scratch import scratch_portal
from retrieval._candidates import Candidate
from retrieval.collections import create_collection
from retrieval.fusion import DenseWeight, fuse
from retrieval.generations import embedder
from retrieval.languages import quality
from retrieval.search import search

_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
_EVERYTHING = 200


class Asked:
    """A question with its candidates, and the document of each."""

    def __init__(self, question: EvalQuestion, user: User, keys: dict[str, str]) -> None:
        self.question = question
        found = search(user=user, query=question.question, limit=_EVERYTHING)
        self.candidates = [
            Candidate((0, hit.version_id, hit.ordinal), hit.bm25, hit.similarity) for hit in found.hits
        ]
        self._upper_bound = found.upper_bound
        self._documents = {hit.version_id: keys[hit.name] for hit in found.hits}

    def ndcg(self, weight: float) -> float:
        ranked = fuse(self.candidates, weight=DenseWeight(weight), upper_bound=self._upper_bound)
        documents = dict.fromkeys(self._documents[one.key[1]] for one, _ in ranked)
        return metrics.ndcg(list(documents), self.question.documents)


def asked_of(evalset: EvalSet, questions: int) -> Iterator[Asked]:
    user = User.objects.create_user(email="bench@example.com", is_admin=True)
    team = create_team(user=user, name="Bench")
    collection = create_collection(user=user, title="Bench", owner_team=team, language=evalset.language)
    for document in evalset.documents:
        with document.open() as content:
            add_document(user=user, collection=collection, name=document.name, content=content)
    while work_on_next():
        pass
    keys = {document.name: document.key for document in evalset.documents}
    usable = [one for one in evalset.questions if one.answerable and one.documents]
    for question in usable[:: max(1, len(usable) // questions)]:
        yield Asked(question, user, keys)


def measure(folder: Path, questions: int) -> dict[str, float | None]:
    evalset = read_evalset(folder)
    with scratch_portal():
        row: dict[str, float | None] = {"model": quality(embedder(), evalset.language)}
        asked = list(asked_of(evalset, questions))
    for weight in _WEIGHTS:
        row[f"{weight:.1f}"] = metrics.mean(one.ndcg(weight) for one in asked)
    with override_settings(SEARCH_FUSION="rrf"):
        row["rrf"] = metrics.mean(one.ndcg(0.5) for one in asked)
    return {name: None if value is None else round(value, 4) for name, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=400)
    options = parser.parse_args()
    rows: dict[str, Any] = {folder.name: measure(folder, options.questions) for folder in options.folders}
    figures.table(
        {name: {key: 100 * (value or 0) for key, value in row.items()} for name, row in rows.items()}
    )
    figures.finish({"bench": "fusion", "ndcg@10": rows})


if __name__ == "__main__":
    main()
