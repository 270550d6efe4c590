"""Kinds of documents as people name them: `type:word` is any of Word's formats, old or new."""

from dataclasses import dataclass

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."


@dataclass(frozen=True, slots=True)
class MediaFamily:
    """Media types that people take for one; `names` can be typed, the first of them is shown."""

    names: tuple[str, ...]
    label: str
    media_types: tuple[str, ...]


FAMILIES = (
    MediaFamily(("pdf",), "PDF", ("application/pdf",)),
    MediaFamily(
        ("word", "doc", "docx", "docm", "odt", "rtf"),
        "Word and text documents",
        (_OFFICE + "wordprocessingml.document", "application/msword", _OPEN + "text", "application/rtf"),
    ),
    MediaFamily(
        ("slides", "powerpoint", "ppt", "pptx", "pptm", "odp"),
        "Slides",
        (
            _OFFICE + "presentationml.presentation",
            "application/vnd.ms-powerpoint",
            _OPEN + "presentation",
        ),
    ),
    MediaFamily(
        ("sheet", "excel", "xls", "xlsx", "xlsm", "ods", "csv", "tsv"),
        "Sheets",
        (
            _OFFICE + "spreadsheetml.sheet",
            "application/vnd.ms-excel",
            _OPEN + "spreadsheet",
            "text/csv",
            "text/tab-separated-values",
        ),
    ),
    MediaFamily(("web", "html", "htm"), "Web pages", ("text/html",)),
    MediaFamily(
        ("text", "txt", "markdown", "md", "rst", "org"),
        "Plain text",
        ("text/plain", "text/markdown", "text/x-rst", "text/x-org"),
    ),
    MediaFamily(
        ("mail", "email", "e-mail", "eml", "msg"), "Mail", ("message/rfc822", "application/vnd.ms-outlook")
    ),
    MediaFamily(("book", "ebook", "e-book", "epub"), "E-books", ("application/epub+zip",)),
    MediaFamily(("data", "json", "xml"), "Data", ("application/json", "application/xml")),
    MediaFamily(
        ("picture", "image", "png", "jpg", "jpeg", "tiff", "webp", "bmp", "gif"),
        "Pictures",
        ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp", "image/gif"),
    ),
    MediaFamily(("archive", "zip"), "Archives", ("application/zip",)),
)
FAMILY_BY_NAME = {name: family for family in FAMILIES for name in family.names}
FAMILY_BY_TYPE = {media_type: family for family in FAMILIES for media_type in family.media_types}
