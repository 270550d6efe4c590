"""Real servers on loopback: a website, Git's own HTTP backend, an S3 server, and Dovecot."""

import grp
import hashlib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not listen"
            time.sleep(0.1)
        else:
            return


@dataclass
class Page:
    """What a site answers for one path. With `etag` it answers 304 to whoever has it already."""

    body: bytes = b""
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    location: str = ""
    has_etag: bool = True
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """A site whose pages a test sets, and the requests that it got."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    answer_all: Page | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, path: str, text: str, *links: str, **more: Any) -> None:
        listed = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        body = f"<html><body><main><p>{text}</p><ul>{listed}</ul></main></body></html>"
        self.pages[path] = Page(body.encode(), **more)

    def statuses(self) -> dict[str, int]:
        found = dict(self.asked)
        self.asked.clear()
        return found


@contextmanager
def site(*, tls: tuple[Path, Path] | None = None) -> Iterator[Site]:
    """Serve a site; `tls` are a certificate and its key."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            served.connections += 1
            super().setup()

        def do_GET(self) -> None:
            page = served.answer_all or served.pages.get(self.path, Page(status=404))
            tag = f'"{hashlib.md5(page.body, usedforsecurity=False).hexdigest()}"'
            status, body = page.status, page.body
            if page.has_etag and status == 200 and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            served.asked.append((self.path, status))
            served.sent.append(dict(self.headers))
            self.send_response(status)
            if page.has_etag:
                self.send_header("ETag", tag)
            if page.location:
                self.send_header("Location", page.location)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", page.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served = Site(server.server_address[1])
    with _serving(server):
        yield served


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Forge:
    """A Git server with one repository, `handbook.git`, and a working copy to change it from."""

    port: int
    copy: Path
    asked: list[str] = field(default_factory=list)
    password: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/handbook.git"

    def commit(self, **files: str | None) -> None:
        """Write files (None deletes one; `__` in a name is a slash, `_dot_` a dot), commit and push."""
        for name, content in files.items():
            path = self.copy / name.replace("__", "/").replace("_dot_", ".")
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        git(self.copy, "add", "--all")
        git(self.copy, "commit", "--quiet", "--message", "Change")
        git(self.copy, "push", "--quiet", "origin", "HEAD:main")


def git(folder: Path, *arguments: str) -> None:
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Test", f"GIT_{role}_EMAIL": "test@example.com"}
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=os.environ | who
    )


@contextmanager
def forge(folder: Path) -> Iterator[Forge]:
    """Serve a repository with git's own `http-backend`."""
    root, copy = folder / "forge", folder / "copy"
    root.mkdir()
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", "handbook.git")
    git(folder, "clone", "--quiet", str(root / "handbook.git"), str(copy))
    git(copy, "checkout", "--quiet", "-B", "main")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            served.asked.append(self.path)
            if served.password and self.headers.get("Authorization", "") != served.password:
                self.send_response(401)
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            environment = os.environ | {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], check=False, input=body, capture_output=True, env=environment
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            status = next((value.split()[0] for name, value in headers if name == "Status"), "200")
            self.send_response(int(status))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Forge(server.server_address[1], copy)
    with _serving(server):
        yield served


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's S3 server as a process of its own; yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _process(command, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(command: list[str], port: int, *, stop: signal.Signals = signal.SIGKILL) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.send_signal(stop)
        process.wait()


@dataclass(frozen=True)
class MailServer:
    port: int
    tls_port: int
    user: str = "team"
    password: str = "open-sesame"


_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
{ssl}
disable_plaintext_auth = no
protocols = imap
default_internal_user = {user}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 0
mail_location = maildir:{folder}/mail/%u
listen = 127.0.0.1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""


@contextmanager
def mail_server(*, tls: tuple[Path, Path] | None = None) -> Iterator[MailServer]:
    """Run Dovecot, where it is installed. Mail belongs to nobody: Dovecot keeps none for root."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("needs dovecot, which is not installed here: apt-get install dovecot-imapd")
    served, own = MailServer(free_port(), free_port()), pwd.getpwuid(os.getuid())
    keeper = pwd.getpwnam("nobody") if own.pw_uid == 0 else own
    with tempfile.TemporaryDirectory(prefix="cited-mail-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        mail = folder / "mail"
        mail.mkdir()
        if own.pw_uid == 0:
            folder.chmod(0o755)
            os.chown(mail, keeper.pw_uid, keeper.pw_gid)
        config = folder / "dovecot.conf"
        config.write_text(
            _DOVECOT.format(
                folder=folder,
                user=own.pw_name,
                login=keeper.pw_name,
                group=grp.getgrgid(own.pw_gid).gr_name,
                port=served.port,
                tls_port=served.tls_port if tls else 0,
                ssl=f"ssl = yes\nssl_cert = <{tls[0]}\nssl_key = <{tls[1]}" if tls else "ssl = no",
                password=served.password,
                uid=keeper.pw_uid,
                gid=keeper.pw_gid,
            )
        )
        with _process([program, "-F", "-c", str(config)], served.port, stop=signal.SIGTERM):
            yield served
