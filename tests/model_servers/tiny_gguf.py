"""Write a tiny Llama with random weights as GGUF, which llama.cpp serves like any other model.

LLAMACPP_PYTHON -m tests.model_servers.tiny_gguf FILE
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from tests.model_servers.tiny_tokenizer import BEGIN, CHAT_TEMPLATE, CONTEXT, END, PAD, train_tokenizer

WIDTH, INNER, LAYERS, HEADS = 256, 512, 2, 4


def write_model(file: Path) -> None:
    writer = gguf.GGUFWriter(str(file), "llama")
    words = _add_tokenizer(writer)
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for name, weights in _tensors(words).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter) -> int:
    """Add the tokenizer and return how many tokens it has."""
    model = json.loads(train_tokenizer().to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    control = {BEGIN, END, PAD}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in control else gguf.TokenType.NORMAL for token in tokens]
    )
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]])
    writer.add_bos_token_id(tokens.index(BEGIN))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_pad_token_id(tokens.index(PAD))
    writer.add_add_bos_token(False)  # the template writes it
    writer.add_chat_template(CHAT_TEMPLATE)
    return len(tokens)


def _tensors(words: int) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(7)

    def random(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.02, shape).astype(np.float32)

    ones = np.ones(WIDTH, dtype=np.float32)
    tensors = {
        "token_embd.weight": random(words, WIDTH),
        "output_norm.weight": ones,
        "output.weight": random(words, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        tensors |= {block + f"attn_{name}.weight": random(WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
        tensors |= {block + f"{name}_norm.weight": ones for name in ("attn", "ffn")}
        tensors |= {block + f"ffn_{name}.weight": random(INNER, WIDTH) for name in ("gate", "up")}
        tensors[block + "ffn_down.weight"] = random(WIDTH, INNER)
    return tensors


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
