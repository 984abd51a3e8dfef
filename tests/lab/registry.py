"""A registry of one image, of whatever name: `registry.py PORT OCI-DIR USER:PASSWORD SEEN`, and '' for no password.

Runs in a lab, with nothing but Python. With a password all command lines of the machine are added to the file SEEN at
each request. What is below `slow/` it gives out only once three of those are asked for at a time, as SEEN then says;
what is called `stuck` as long as there is no file /run/test/stuck.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, FOLDER, PAIR, SEEN = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])


_STUCK = Path("/run/test/stuck")
_asked: set[str] = set()
_changed = threading.Condition()


def wait_for_others(name: str) -> None:
    """Wait until three names are asked for, and long enough to be noticed."""
    with _changed:
        _asked.add(name)
        _changed.notify_all()
        if _changed.wait_for(lambda: len(_asked) == 3, timeout=20):
            SEEN.write_text("3 at once\n")
    time.sleep(2)


class Registry(BaseHTTPRequestHandler):
    """The part of the distribution protocol that a pull needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, if the caller may ask."""
        if PAIR:
            self._note_commands()
        if PAIR and self.headers.get("Authorization") != f"Basic {base64.b64encode(PAIR.encode()).decode()}":
            self._send(401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'})
            return
        if self.path == "/v2/":
            self._send(200, b"{}", {})
            return
        while "/stuck/" in self.path and _STUCK.exists():
            time.sleep(0.1)
        if "/slow/" in self.path and "/manifests/" in self.path:
            wait_for_others(self.path)
        digest = self.path.rpartition("/")[2]
        if not digest.startswith("sha256:"):
            digest = json.loads((FOLDER / "index.json").read_text())["manifests"][0]["digest"]
        file = FOLDER / "blobs" / digest.replace(":", "/")
        if not file.exists():
            self._send(404, b"{}", {})
            return
        kind = "application/octet-stream"
        if "/manifests/" in self.path:
            kind = "application/vnd.oci.image.manifest.v1+json"
        self._send(200, file.read_bytes(), {"Content-Type": kind, "Docker-Content-Digest": digest})

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _note_commands(self) -> None:
        with SEEN.open("ab") as seen:
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                # This one's own has the password.
                if file.parent.resolve() != Path("/proc/self").resolve():
                    with contextlib.suppress(OSError):
                        seen.write(file.read_bytes() + b"\n")

    def log_message(self, form: str, *values: object) -> None:
        """Say nothing."""


ThreadingHTTPServer(("127.0.0.1", PORT), Registry).serve_forever()
