"""What an item of a source is called as a document, and which items are not asked for at all."""

import re
from pathlib import PurePosixPath

from ingestion.parsing.detect import SUPPORTED

_MOST = 180
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}\Z")
_READABLE = frozenset(ending for kind in SUPPORTED.values() for ending in kind.extensions)


def document_name(path: str) -> str:
    """Return the name for an item: its folders, then its file, so that one name stands for one item.

    A name that would be too long loses its beginning, never its ending.
    """
    name = " - ".join(part for part in PurePosixPath(path).parts if part not in {"/", "..", "."})
    return name if len(name) <= _MOST else f"… {name[-_MOST:]}"


def is_left_out(path: str) -> bool:
    """Return whether an item has an ending that no parser reads; one without an ending is looked into."""
    ending = _ENDING.search(PurePosixPath(path).name)
    return ending is not None and ending[0].lower() not in _READABLE
