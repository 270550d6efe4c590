"""sentence-transformers' CrossEncoder on this machine's own processor, for whoever compares two texts."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from llm.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def load_cross_encoder(name: str, *, local: bool | None = None) -> "CrossEncoder":
    """A CrossEncoder by its folder or name; with `local` nothing is downloaded. Raises ModelError."""
    # Read by the libraries when they are imported, so they are set first; see local_embedding.py.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    is_local = Path(name).is_dir() if local is None else local
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(name, device="cpu", local_files_only=is_local)
    except Exception as error:  # whatever the parts of a strange folder make the library raise
        raise ModelError(f"{name} could not be loaded: {error}", permanent=True) from error
    return model
