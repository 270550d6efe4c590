# ruff: noqa: ANN401 - JSON's and lxml's values may be anything
"""JSON and XML: records as lines "name: value", in the order and under the names that the file gives."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._decode import read_text
from ingestion.parsing._text import one_line
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.plain import add_plain

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_MAX_DEPTH = 200
_MAX_HEADINGS = 6
# Attributes that say how something looks or is linked, and nothing about what it is.
_DULL = frozenset({"id", "class", "style", "schemaLocation", "noNamespaceSchemaLocation", "space"})


class DataParser:
    """Groups of values become paragraphs, groups of groups headings; text with marks in it stays text."""

    name = "data"
    version = "1"
    media_types = frozenset({detect.JSON, detect.XML})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError (damaged, too_large or no_text)."""
        text = read_text(path, name=name, limits=limits)
        builder = DocumentBuilder()
        try:
            if media_type == detect.XML:
                _add_value(builder, _xml_value(_xml_root(text), 0), 1)
            else:
                _add_json(builder, text)
        except (RecursionError, ValueError) as error:
            message = (
                f"{name} is not {detect.SUPPORTED[media_type].label} that can be read. Check its syntax."
            )
            raise ParseError(Reason.DAMAGED, message) from error
        on_progress(1, 1)
        return builder.finish(
            name=name, title="", media_type=media_type, parser=self.name, parser_version=self.version
        )


def _add_json(builder: DocumentBuilder, text: str) -> None:
    """Add one value, or one a line (.jsonl); what is neither is text all the same."""
    try:
        _add_value(builder, _json_value(text), 1)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:  # noqa: PLR2004 - one line was tried already
            add_plain(builder, text)
            return
        try:
            values = [_json_value(line) for line in lines]
        except json.JSONDecodeError:
            add_plain(builder, text)
        else:
            _add_value(builder, values, 1)


def _json_value(text: str) -> Any:
    """Numbers stay as they are written: a figure of a document is quoted, not rounded."""
    return json.loads(text.lstrip("\ufeff"), parse_int=str, parse_float=str, parse_constant=str)


def _add_value(builder: DocumentBuilder, value: Any, level: int) -> None:
    if isinstance(value, dict):
        _add_group(builder, value, level)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict | list):
                _add_value(builder, one, level)
            else:
                builder.add("list_item", _shown(one))
    else:
        add_plain(builder, _shown(value))


def _add_group(builder: DocumentBuilder, group: dict[str, Any], level: int) -> None:
    """Add the plain values of a group as one paragraph, then the groups in it under their names."""
    lines = [f"{key}: {_shown(value)}" for key, value in group.items() if _is_plain(value)]
    builder.add("paragraph", "\n".join(line for line in lines if not line.endswith(": ")))
    for key, value in group.items():
        if not _is_plain(value) and value:
            builder.add("heading", one_line(key), level=min(level, _MAX_HEADINGS))
            _add_value(builder, value, level + 1)


def _is_plain(value: Any) -> bool:
    """Whether a value fits on a line: no group, and no list but a short one of short values."""
    if isinstance(value, list):
        return all(not isinstance(one, dict | list) for one in value) and sum(map(len, map(str, value))) < 200  # noqa: PLR2004 - characters
    return not isinstance(value, dict)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _xml_root(text: str) -> Any:
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

    # The declaration of the encoding is wrong by now, and lxml refuses it in text.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff"))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=True,
    )
    root = etree.fromstring(text, parser)
    if root is None:
        raise ValueError("no element")
    return root


def _xml_value(element: Any, depth: int) -> Any:
    """Return an element as JSON would have it: a text, or a group of its attributes and elements."""
    children = [child for child in element if isinstance(child.tag, str)]
    has_text = bool((element.text or "").strip()) or any((child.tail or "").strip() for child in children)
    attributes = {_local(key): value for key, value in element.attrib.items() if _local(key) not in _DULL}
    if not children or has_text or depth >= _MAX_DEPTH:
        text = one_line("".join(element.itertext()))
        return {**attributes, _local(element.tag): text} if attributes and text else attributes or text
    group: dict[str, Any] = dict(attributes)
    for child in children:
        key, value = _local(child.tag), _xml_value(child, depth + 1)
        if key not in group:
            group[key] = value
        elif isinstance(group[key], list):
            group[key].append(value)
        else:
            group[key] = [group[key], value]
    return group


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


PARSER = DataParser()
