"""Files that grow without end, or reach for others: refused in seconds, within memory and disk limits."""

import io
import socket
import struct
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ingestion.parsing._forking import Child
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.sandbox import parse_file

pytestmark = pytest.mark.slow

_MIB = 1 << 20
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{_LAUGHS}]><l>&l9;</l>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "{}">]><x>&e;</x>'
_TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def zipped(parts: dict[str, bytes | Iterator[bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as output:
        for name, content in parts.items():
            with output.open(name, "w") as part:
                for piece in [content] if isinstance(content, bytes) else content:
                    part.write(piece)
    return packed.getvalue()


def zeros(mib: int) -> Iterator[bytes]:
    return (bytes(_MIB) for _ in range(mib))


def docx(document: bytes | Iterator[bytes]) -> bytes:
    return zipped({"[Content_Types].xml": _TYPES.encode(), "word/document.xml": document})


def sheet_of_a_million_cells() -> bytes:
    row = b"<row>" + b"<c><v>1</v></c>" * 1000 + b"</row>"
    sheet = b"<worksheet><sheetData>" + row * 1000 + b"</sheetData></worksheet>"
    return zipped({"[Content_Types].xml": _TYPES.encode(), "xl/worksheets/sheet1.xml": sheet})


def pdf_of_100_000_pages() -> bytes:
    count = 100_000
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {count} /Kids [{kids}] >>"]
    objects += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * count
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}trailer\n"
    return (
        bytes(out) + f"{end}<< /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF".encode()
    )


def png(width: int, height: int) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(1), bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", data) + part(b"IEND", b"")


BOMBS: dict[str, Callable[[], bytes]] = {
    "zeros.zip": lambda: zipped({"zeros.txt": zeros(700)}),
    "many.zip": lambda: zipped({f"{number}.txt": b"x" for number in range(20_000)}),
    "laughs.xml": LAUGHS.encode,
    "laughs-utf-16.xml": lambda: LAUGHS.replace('?>', ' encoding="utf-16"?>').encode("utf-16"),
    "laughs.docx": lambda: docx(LAUGHS.encode()),
    "zeros.docx": lambda: docx(zeros(700)),
    "external.xml": lambda: EXTERNAL.format("file:///etc/passwd").encode(),
    "external.docx": lambda: docx(EXTERNAL.format("file:///etc/passwd").encode()),
    "million.xlsx": sheet_of_a_million_cells,
    "wide.csv": lambda: b"a," * 2_000_000 + b"a\n",
    "wide.tsv": lambda: b"a\t" * 2_000_000 + b"a\n",
    "long.csv": lambda: b"a,b\n" * 2_000_000,
    "pages.pdf": pdf_of_100_000_pages,
    "huge.png": lambda: png(50_000, 50_000),
}  # fmt: skip
# These are read to an end: what is too deep in them is cut off, not the machine.
DEEP: dict[str, Callable[[], bytes]] = {
    "deep.json": lambda: b"[" * 5_000_000 + b"]" * 5_000_000,
    "deep.html": lambda: b"<!doctype html>" + b"<div>" * 1_000_000 + b"x",
    "deep.xml": lambda: b"<?xml version='1.0'?>" + b"<a>" * 1_000_000,
}


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):  # the folder is emptied meanwhile
        return [path for path in folder.rglob("*") if path.is_file()]
    return []


@contextmanager
def most_on_disk(folder: Path) -> Iterator[list[int]]:
    """Keep looking how many bytes lie in a folder."""
    seen, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            with suppress(OSError):
                seen.append(sum(path.lstat().st_size for path in _files(folder)))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


def _noted(peaks: list[int]) -> Callable[[Child], int]:
    """Return the end of a reader, which also notes how many KiB of memory it held, as the kernel counts."""
    end = Child.end

    def noted(child: Child) -> int:
        status = end(child)
        peaks.append(child.peak_kib)
        return status

    return noted


@contextmanager
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Assert that what is done takes under 30 s, 500 MB of disk and 1 GiB of memory, and leaves nothing."""
    folder, peaks = tmp_path / "temporary", list[int]()
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(Child, "end", _noted(peaks))
    began = time.monotonic()
    with most_on_disk(folder) as on_disk:
        yield
    assert time.monotonic() - began < 30
    assert max(on_disk) <= 500_000_000
    assert 0 < min(peaks) <= max(peaks) <= 1 << 20
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(BOMBS[name]())
    with watched(tmp_path, monkeypatch), pytest.raises(ParseError) as caught:
        parse_file(tmp_path / name, name=name)
    assert caught.value.permanent, "it was not seen before it was read"
    assert caught.value.reason in {Reason.TOO_LARGE, Reason.DAMAGED}
    assert name in caught.value.message or "The archive" in caught.value.message


@pytest.mark.parametrize("name", DEEP)
def test_what_is_deep_without_end_is_cut_off(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(DEEP[name]())
    try:
        with watched(tmp_path, monkeypatch):
            document = parse_file(tmp_path / name, name=name)
    except ParseError as error:
        assert error.reason in {Reason.DAMAGED, Reason.NO_TEXT, Reason.OUT_OF_MEMORY}  # noqa: PT017 - either end will do
    else:
        assert len(document.text) < 1000


@pytest.mark.parametrize("name", ["a.xml", "a.html", "a.docx", "a.rst", "a.svg"])
def test_nothing_is_fetched_and_no_other_file_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("top secret words", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        content = {
            "a.xml": f'<?xml version="1.0"?><!DOCTYPE a SYSTEM "{address}"><a>words</a>',
            "a.svg": f'<?xml version="1.0"?><svg><image href="{address}"/><text>words</text></svg>',
            "a.html": f'<!doctype html><link href="{address}"><img src="{address}"><p>words',
            "a.rst": f".. include:: {tmp_path}/secret.txt\n\n.. image:: {address}\n\nwords\n",
            "a.docx": EXTERNAL.format(f"file://{tmp_path}/secret.txt"),
        }[name]
        path = tmp_path / name
        path.write_bytes(docx(content.encode()) if name == "a.docx" else content.encode())
        try:
            text = parse_file(path, name=name).text
        except ParseError as error:
            text = error.message
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    assert "secret words" not in text
    assert name == "a.docx" or "words" in text


def test_a_path_in_an_archive_leads_nowhere(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.zip", dict[str, bytes]()
    names = [
        "../../up.txt",
        "/etc/cron.d/root.txt",
        "C:\\Windows\\win.txt",
        "a/../b.txt",
        "same.txt",
        "SAME.txt",
    ]
    with zipfile.ZipFile(path, "w") as output:
        for name in names:
            output.writestr(name, name)
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        output.writestr(link, "/etc/passwd")
    document = parse_file(
        path, name="a.zip", on_attachment=lambda one, content: seen.update({one.name: content.read()})
    )
    assert list(seen) == [
        "up.txt",
        "etc/cron.d/root.txt",
        "Windows/win.txt",
        "a/b.txt",
        "same.txt",
        "SAME (2).txt",
    ]
    assert seen["up.txt"] == b"../../up.txt"
    assert "link.txt is a link" in document.warnings[0]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip"]


def test_a_list_of_parts_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({f"{number:060}.txt": b"" for number in range(90_000)}))
    with pytest.raises(ParseError, match="lists more parts") as caught:
        parse_file(path, name="a.zip")
    assert caught.value.reason is Reason.TOO_LARGE


def test_macros_are_named_and_never_run(tmp_path: Path) -> None:
    import docx as word

    source = word.Document()
    source.add_paragraph("The words of a letter.")
    source.save(str(tmp_path / "a.docx"))
    with zipfile.ZipFile(tmp_path / "a.docx", "a") as output:
        output.writestr("word/vbaProject.bin", b"Sub AutoOpen()")
    document = parse_file(tmp_path / "a.docx", name="a.docm")
    assert "never run" in document.warnings[0]


def test_a_name_that_promises_another_type_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"{\\rtf1 Some words.}")
    document = parse_file(tmp_path / "a", name="a.pdf")
    assert document.media_type == "application/rtf"
    assert "ends in .pdf, but the content is Rich text" in document.warnings[0]
