"""A tiny CrossEncoder with random weights in a folder."""

from collections.abc import Sequence
from pathlib import Path

from tests.fakes.embedding_model import tiny_bert


def write_reranker(
    folder: Path, *, words: str = "", labels: int = 1, names: Sequence[str] = (), seed: int = 7
) -> str:
    """Write a one-layer CrossEncoder that gives `labels` numbers for a pair; return its folder.

    With `names` there is a number for each, and its config calls them so.
    """
    from sentence_transformers import CrossEncoder
    from transformers import BertForSequenceClassification

    tokenizer, config = tiny_bert(folder, words=words, dimension=32, max_tokens=512, seed=seed)
    config.num_labels = len(names) or labels
    if names:
        config.id2label = dict(enumerate(names))
    BertForSequenceClassification(config).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    CrossEncoder(str(folder / "bert"), device="cpu").save(str(folder / "whole"))
    return str(folder / "whole")
