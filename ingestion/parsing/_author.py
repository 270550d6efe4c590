"""Who wrote a file, as the file says: tidied, without what programs write when nobody told them."""

import re
from collections.abc import Iterable

from ingestion.parsing._text import one_line

_MOST_NAMES = 10
_BETWEEN = re.compile(r"\s*[;\n]\s*")
# What stands there when a program was never told whose it is, or names itself.
_NOBODY = frozenset(
    {
        "admin",
        "administrator",
        "anonymous",
        "author",
        "default",
        "guest",
        "microsoft",
        "microsoft corporation",
        "microsoft office user",
        "n/a",
        "none",
        "openpyxl",
        "owner",
        "pc",
        "pypdf",
        "python-docx",
        "python-pptx",
        "reportlab",
        "root",
        "steve canny",  # in the template of python-pptx
        "unknown",
        "unspecified",
        "untitled",
        "user",
        "utilisateur",
        "windows user",
        "xlsxwriter",
        "your name",
    }
)


def author_names(values: Iterable[str]) -> str:
    """Return the names among the values, each once, as “One; Other”; empty where nobody is named."""
    names = [one_line(name) for value in values for name in _BETWEEN.split(value)]
    return "; ".join(list(dict.fromkeys(filter(_is_name, names)))[:_MOST_NAMES])


def _is_name(text: str) -> bool:
    bare = text.strip(" ()<>[].").lower()
    return (
        any(character.isalpha() for character in bare)
        and bare not in _NOBODY
        and not bare.startswith(("http:", "https:", "www."))
    )
