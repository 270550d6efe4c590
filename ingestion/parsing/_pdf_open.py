# ruff: noqa: ANN401 - PDFium's document has no type stubs
"""Opens PDF files, and says in words why one does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from pathlib import Path


def open_pdf(path: Path, *, name: str) -> Any:
    """Return a pypdfium2 document; raises ParseError(encrypted) or ParseError(damaged)."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            message = f"{name} is protected with a password. Remove the protection and upload it again."
            raise ParseError(Reason.ENCRYPTED, message) from error
        raise ParseError(Reason.DAMAGED, _damaged(name)) from error
    if not len(document):
        document.close()
        raise ParseError(Reason.DAMAGED, _damaged(name))
    return document


def _damaged(name: str) -> str:
    return f"{name} is damaged or cut off and cannot be opened as a PDF. Upload an intact copy."
