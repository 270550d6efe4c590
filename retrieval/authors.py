"""Who wrote a document: as its file says, or as a manager set it. Several names are kept as “One; Other”.

Names are compared by their words, folded, so capitals, accents and punctuation make no difference.
"""

import re

from retrieval import access
from retrieval._plain import plain_line
from retrieval.analysis import fold
from retrieval.errors import InvalidInputError
from retrieval.models import Document, Role
from retrieval.people import Member

MOST_NAMES = 10
MAX_NAME = 80
_BETWEEN = re.compile(r"[;\n]")
_WORD = re.compile(r"[^\W_]+")


def names_in(author: str) -> list[str]:
    """Return the names that an author consists of, each once; what has no letter or digit is no name."""
    names: dict[str, str] = {}
    for name in _BETWEEN.split(author):
        names.setdefault(key_of(name), plain_line(name)[:MAX_NAME].strip())
    return [name for key, name in names.items() if key][:MOST_NAMES]


def key_of(name: str) -> str:
    """Return a name as it is compared."""
    return " ".join(_WORD.findall(fold(name)))[:MAX_NAME]


def author_fields(author: str) -> dict[str, str]:
    """Return the columns of a document that has this author."""
    names = names_in(author)
    keys = "".join(f" {key_of(name)} |" for name in names)
    return {"author": "; ".join(names), "author_key": f"|{keys}" if keys else ""}


def part_of_key(value: str, *, is_whole: bool) -> str:
    """Return what the key of a document has in it whose author is called so, or has a word that begins so.

    Empty where the value has no letter or digit.
    """
    key = key_of(value)
    if not key:
        return ""
    return f"| {key} |" if is_whole else f" {key}"


def set_author(*, user: Member, document: Document, author: str) -> None:
    """Say who wrote a document, also of later versions; needs the manager role. Raises InvalidInputError."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    typed = [name for name in _BETWEEN.split(author) if name.strip()]
    if len(typed) > MOST_NAMES or any(len(plain_line(name)) > MAX_NAME for name in typed):
        raise InvalidInputError(
            f"At most {MOST_NAMES} names are kept, of {MAX_NAME} characters each. Shorten what you wrote."
        )
    Document.objects.filter(pk=document.pk).update(**author_fields(author), author_is_set=True)


def follow_file(*, user: Member, document: Document) -> None:
    """Let the file say again who wrote the document, now and in later versions; needs the manager role."""
    access.require_role(user=user, collection=document.collection, role=Role.MANAGER)
    version = document.current_version
    told = str(version.metadata.get("author", "")) if version is not None else ""
    Document.objects.filter(pk=document.pk).update(**author_fields(told), author_is_set=False)
