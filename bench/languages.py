"""How well an embedding model knows each language that collections can have, in hundredths.

`python bench/languages.py [MODEL]` prints the figures of `retrieval.languages.quality`: what search makes of
them is there too. The last line is one JSON object.
"""
# ruff: noqa: E402 - Django has to be set up first

import argparse
import os
import sys
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from bench.tools import figures
from llm.embedding import DEFAULT_MODEL, EmbedderSpec, load_embedder
from retrieval.analysis import LANGUAGE_CHOICES
from retrieval.languages import quality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    options = parser.parse_args()
    model = load_embedder(EmbedderSpec(model=options.model))
    known = {language: quality(model, language) or 0.0 for language, _ in LANGUAGE_CHOICES}
    figures.table({options.model[-33:]: {language: 100 * value for language, value in known.items()}})
    figures.finish({"bench": "languages", "model": options.model, "quality": known})


if __name__ == "__main__":
    main()
