"""A folder on the server, for example a mounted share. Never through links, never out of the folder."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ingestion.connectors.protocol import (
    Configuration,
    Event,
    Field,
    Finished,
    Found,
    ItemError,
    Known,
    Limits,
    Problem,
    SourceError,
    too_large,
    too_many,
)


class Folder:
    """Tells files apart by their time of change, size and inode, so that nothing is read to find out."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._limits = limits

    def changes(self, *, cursor: str, known: Mapping[str, Known]) -> Iterator[Event]:
        del known
        identity = self._identity()
        empty, unread, count = True, False, 0
        for folder, folders, names, handle in os.fwalk(self._root, onerror=self._raise_for_root):
            unread |= self._lost(folder, folders)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                event = self._look(PurePosixPath(folder, name), name, handle)
                if event is None:
                    continue
                empty, count = False, count + 1
                if count > self._limits.max_items:
                    yield Finished(cursor=identity, complete=False, notice=too_many(self._limits))
                    return
                yield event
        if empty and cursor and cursor != identity:
            raise SourceError(
                f"The folder {self._root} is empty and is not the one that it was: is it mounted? "
                "Nothing was removed. Mount it, and sync again."
            )
        yield Finished(cursor=identity, complete=not unread)

    def _identity(self) -> str:
        try:
            found = self._root.stat()
        except OSError as error:
            raise SourceError(
                f"The folder {self._root} cannot be opened ({error.strerror}). Nothing was removed. "
                "Check that it exists, is mounted, and may be read by the portal."
            ) from error
        if not stat.S_ISDIR(found.st_mode):
            raise SourceError(f"{self._root} is not a folder.", permanent=True)
        return f"{found.st_dev}:{found.st_ino}"

    def _raise_for_root(self, error: OSError) -> None:
        raise SourceError(
            f"The folder {error.filename} cannot be read ({error.strerror}). Nothing was removed."
        ) from error

    def _lost(self, folder: str, folders: list[str]) -> bool:
        """Return whether a folder below is one that we may not read: its files must not seem to vanish."""
        blocked = [
            name
            for name in folders
            if not name.startswith(".") and not os.access(Path(folder, name), os.R_OK | os.X_OK)
        ]
        for name in blocked:
            folders.remove(name)
        return bool(blocked)

    def _look(self, path: PurePosixPath, name: str, handle: int) -> Event | None:
        if name.startswith("."):
            return None
        key = str(path.relative_to(self._root))
        if not _is_text(key):
            shown = key.encode("utf-8", "replace").decode()
            return Problem(shown, shown, "Its name is not in UTF-8. Rename it.")
        try:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except OSError as error:
            return Problem(key, key, f"It cannot be looked at ({error.strerror}).")
        if not stat.S_ISREG(found.st_mode):
            return None  # links, pipes, devices
        if message := too_large(found.st_size, self._limits):
            return Problem(key, key, message)
        fingerprint = f"{found.st_mtime_ns}:{found.st_size}:{found.st_ino}"
        return Found(key, key, fingerprint, size=found.st_size)

    @contextmanager
    def fetch(self, found: Found) -> Iterator[IO[bytes]]:
        try:
            with os.fdopen(_open_beneath(self._root, found.key), "rb") as content:
                yield content
        except OSError as error:
            raise ItemError(f"It cannot be read ({error.strerror}).") from error

    def close(self) -> None:
        pass


def _is_text(name: str) -> bool:
    return name.isprintable() or not any("\ud800" <= character <= "\udfff" for character in name)


def _open_beneath(root: Path, key: str) -> int:
    """Open a file without following a link on the way, whatever was put there since it was listed."""
    *folders, name = PurePosixPath(key).parts
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = below
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
    finally:
        os.close(handle)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise OSError(errno.EINVAL, "it is not a file any more")


@dataclass(frozen=True, slots=True)
class FolderKind:
    name: str = "folder"
    label: str = "Folder on the server"
    about: str = "Files in a folder that the portal can read, such as a mounted share."
    secret_label: str = ""
    fields: tuple[Field, ...] = (
        Field(
            "path",
            "Folder",
            "The whole path on the server. Hidden files and links are left out.",
            required=True,
            is_target=True,
        ),
    )

    def check(self, configuration: Configuration, limits: Limits) -> None:
        self._root(configuration, limits)

    def open(self, configuration: Configuration, *, secret: str, limits: Limits) -> Folder:
        del secret
        return Folder(self._root(configuration, limits), limits)

    def _root(self, configuration: Configuration, limits: Limits) -> Path:
        """Return the folder without links in its path, where it lies in one that an admin has opened."""
        if not limits.folders:
            raise SourceError(
                "No folder of the server may be read yet. An admin names some in SOURCE_FOLDERS.",
                permanent=True,
            )
        root = Path(configuration["path"])
        allowed = [folder.resolve() for folder in limits.folders]
        if not root.is_absolute() or not any(root.resolve().is_relative_to(one) for one in allowed):
            raise SourceError(
                f"“{root}” is not in a folder that may be read. An admin names those in SOURCE_FOLDERS.",
                permanent=True,
            )
        return root.resolve()


KIND = FolderKind()
