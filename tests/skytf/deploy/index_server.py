"""A package index on loopback, and wheels made of packages that are installed somewhere."""

from __future__ import annotations

import csv
import hashlib
import http.server
import re
import threading
import zipfile
from functools import partial
from pathlib import Path
from types import TracebackType


class Index:
    """Serves the wheels of a directory at `url`, and remembers in ``asked`` which of them were fetched."""

    def __init__(self, wheels: Path, *, hashes: bool = True) -> None:
        asked: list[str] = []

        class Pages(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.startswith("/simple/"):
                    asked.append(self.path.rpartition("/")[2])
                    super().do_GET()
                    return
                page = _page(wheels, self.path.split("/")[2], hashes=hashes).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: object) -> None:
                pass

        self.asked = asked
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(wheels)))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"

    def __enter__(self) -> Index:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _page(wheels: Path, project: str, *, hashes: bool) -> str:
    links = [
        f'<a href="/{path.name}{f"#sha256={_sha256(path)}" if hashes else ""}">{path.name}</a>'
        for path in sorted(wheels.glob("*.whl"))
        if _normal(path.name.partition("-")[0]) == project
    ]
    return "<!doctype html>" + "".join(links)


def make_wheels(installed: Path, wheels: Path) -> str:
    """Make wheels of what is installed in *installed*; return a lock that pins them."""
    wheels.mkdir(exist_ok=True)
    pins = []
    for about in sorted(installed.glob("*.dist-info")):
        name, _, version = about.name.removesuffix(".dist-info").partition("-")
        tags = re.findall(r"^Tag: (.+)-(.+)-(.+)$", (about / "WHEEL").read_text(), re.MULTILINE)
        compressed = "-".join(".".join(sorted(set(part))) for part in zip(*tags, strict=True))
        path = wheels / f"{name}-{version}-{compressed}.whl"
        with (about / "RECORD").open(newline="") as record, zipfile.ZipFile(path, "w") as wheel:
            for file, *_ in csv.reader(record):
                if (installed / file).is_file() and not file.startswith("bin/"):
                    wheel.writestr(file, (installed / file).read_bytes())
        pins.append(f"{_normal(name)}=={version} --hash=sha256:{_sha256(path)}\n")
    return "".join(pins)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
