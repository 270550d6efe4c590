"""What a file of an office program says about itself: title and author, where each format keeps them."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_FIRST_CREATOR = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}initial-creator"
_RTF_AUTHOR = re.compile(rb"\\author\s+((?:[^{}\\]|\\'[0-9a-fA-F]{2})*)\}")
_RTF_BYTE = re.compile(rb"\\'([0-9a-fA-F]{2})")
_RTF_HEAD = 64 << 10


@dataclass(frozen=True, slots=True)
class Properties:
    title: str = ""
    author: str = ""


def read_properties(path: Path, *, part: str = "docProps/core.xml") -> Properties:
    """Return title and author from that part of a file, empty ones where there are none to be read.

    OpenDocument keeps them in `meta.xml`, where the creator is who saved it last.
    """
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

    try:
        with zipfile.ZipFile(path) as archive:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            tree = etree.fromstring(archive.read(part), parser)
    except (KeyError, etree.XMLSyntaxError):
        return Properties()
    author = tree.findtext(f".//{_FIRST_CREATOR}") or tree.findtext(f".//{_CREATOR}")
    return Properties(tree.findtext(f".//{_TITLE}") or "", author or "")


def read_rtf_author(path: Path) -> str:
    """Return the author in the head of an RTF file, or nothing; letters are those of Windows' code page."""
    with path.open("rb") as file:
        found = _RTF_AUTHOR.search(file.read(_RTF_HEAD))
    if found is None:
        return ""
    return _RTF_BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), found[1]).decode("cp1252", "replace")
