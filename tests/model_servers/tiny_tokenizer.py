"""The tokenizer of the tiny models: a byte-level BPE trained on this repository's own documents."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = 2048
CONTEXT = 4096
BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"

CHAT_TEMPLATE = (
    "{{ '<|begin|>' }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def train_tokenizer() -> Tokenizer:
    """Return a tokenizer that gives any text back as it was."""
    files = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("README.md")])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(file) for file in files], trainer)
    return tokenizer
