"""Which files a folder holds for us, and what each is to be called."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """A file to add, and the name that the document gets."""

    path: Path
    name: str


def find_files(paths: Sequence[Path]) -> list[Found]:
    """Return the files at and under `paths`, sorted, each once, without hidden ones and links that lead out.

    A document is called as its file. Where several files have the same name, each gets its folders in front,
    so that none replaces another. Raises FileNotFoundError for a path that is not there.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(_files(path)):
            found.setdefault(file.resolve(), file.relative_to(path) if path.is_dir() else Path(file.name))
    often = Counter(relative.name for relative in found.values())
    return [
        Found(path, " - ".join(relative.parts) if often[relative.name] > 1 else relative.name)
        for path, relative in found.items()
    ]


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise FileNotFoundError(path)
    if path.is_file():
        yield path
        return
    root = path.resolve()
    for folder, folders, names in os.walk(path):  # does not follow links to folders
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if not name.startswith(".") and file.is_file() and file.resolve().is_relative_to(root):
                yield file
