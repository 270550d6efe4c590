"""A tiny sentence-transformers model with random weights in a folder, as big as it is asked to be."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import BertConfig

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'()-"


def write_model(
    folder: Path, *, words: str = "", dimension: int = 1024, max_tokens: int = 512, seed: int = 7
) -> str:
    """Write a one-layer BERT that knows `words` and else spells letters; return its folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertModel

    tokenizer, config = tiny_bert(folder, words=words, dimension=dimension, max_tokens=max_tokens, seed=seed)
    BertModel(config).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    part = Transformer(str(folder / "bert"), max_seq_length=max_tokens)
    SentenceTransformer(modules=[part, Pooling(dimension)]).save(str(folder / "whole"))
    return str(folder / "whole")


def tiny_bert(
    folder: Path, *, words: str, dimension: int, max_tokens: int, seed: int
) -> tuple[Any, "BertConfig"]:
    """Return a tokenizer of `words` and letters, and one layer's shape; the next weights are `seed`'s."""
    import torch
    from transformers import BertConfig
    from transformers import BertTokenizerFast as Words  # type: ignore[attr-defined]  # not in its types

    folder.mkdir(parents=True, exist_ok=True)
    known = [word for word, _ in Counter(re.findall(r"[a-z0-9]+", words.lower())).most_common(2000)]
    pieces = [*_SPECIAL, *_LETTERS, *(f"##{one}" for one in _LETTERS), *known]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    tokenizer = Words(vocab_file=str(folder / "vocab.txt"))
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=dimension,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=max_tokens,
    )
    return tokenizer, config
