"""Heavy libraries stay out of processes that do not use them."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "sentence_transformers", "unstructured", "spacy", "pandas"}


@pytest.mark.parametrize(
    "entry", ["import portal.asgi", "import portal.celery; import django; django.setup()"]
)
def test_the_web_process_and_the_scheduler_start_without_heavy_libraries(entry: str) -> None:
    code = f"{entry}; import portal.urls; import sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
