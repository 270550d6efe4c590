"""In which language pages without text are read, and by which of the two engines."""

from __future__ import annotations

from dataclasses import dataclass

# What Tesseract calls the language, and the model of RapidOCR cannot read its script.
_OTHER_SCRIPTS = {
    "bg": ("bul", "Bulgarian"),
    "el": ("ell", "Greek"),
    "ru": ("rus", "Russian"),
    "uk": ("ukr", "Ukrainian"),
}
_LATIN = {
    "da": ("dan", "Danish"),
    "de": ("deu", "German"),
    "en": ("eng", "English"),
    "es": ("spa", "Spanish"),
    "fi": ("fin", "Finnish"),
    "fr": ("fra", "French"),
    "hu": ("hun", "Hungarian"),
    "it": ("ita", "Italian"),
    "nl": ("nld", "Dutch"),
    "no": ("nor", "Norwegian"),
    "pt": ("por", "Portuguese"),
    "sv": ("swe", "Swedish"),
    "tr": ("tur", "Turkish"),
}
_PACKS = _LATIN | _OTHER_SCRIPTS


@dataclass(frozen=True, slots=True)
class Ocr:
    """The language of a document (ISO 639-1), and what is to read its pages: auto, rapidocr or tesseract.

    ``program`` is where Tesseract is, if it is there and may be started.
    """

    language: str = "en"
    engine: str = "auto"
    program: str = ""

    @property
    def pack(self) -> str:
        """Tesseract's name of the language, such as ``rus``; empty where it is not known here."""
        return _PACKS.get(self.language, ("", ""))[0]

    def packs_of(self, installed: frozenset[str]) -> str:
        """Return what to tell Tesseract, such as ``rus+eng``; empty where the language is not installed.

        Letters of another script are read beside Latin ones, which stand on nearly every such page.
        """
        if self.pack not in installed:
            return ""
        return self.pack if self.rapidocr_knows_script or "eng" not in installed else f"{self.pack}+eng"

    @property
    def language_name(self) -> str:
        """The language's name in English, for messages."""
        return _PACKS.get(self.language, ("", self.language))[1]

    @property
    def rapidocr_knows_script(self) -> bool:
        """Whether RapidOCR's model reads the letters of the language."""
        return self.language not in _OTHER_SCRIPTS

    @property
    def wants_tesseract(self) -> bool:
        """Whether Tesseract should read the pages, if it is there."""
        if not self.pack or self.engine == "rapidocr":
            return False
        return self.engine == "tesseract" or not self.rapidocr_knows_script


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece of one line on a picture: left, top, right, bottom in pixels; ``score`` is 0 to 1."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float
