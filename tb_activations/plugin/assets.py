"""The built frontend: a fixed map from names to bytes, so that no path a client sends is ever joined to ours."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

STATIC_DIRECTORY = pathlib.Path(__file__).parent / "static"
ENTRY = "index.js"

# Not mimetypes.guess_type: it reads the system's tables, and Windows' registry often says text/plain for .js.
_MIME_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}


@dataclasses.dataclass(frozen=True)
class Asset:
    content: bytes
    mime_type: str


def load_assets(directory: pathlib.Path = STATIC_DIRECTORY) -> Mapping[str, Asset]:
    """Every file below the directory by its relative name, read once.

    Held in memory, so that upgrading the package under a running TensorBoard cannot mix two builds.
    """
    return {
        path.relative_to(directory).as_posix(): Asset(
            path.read_bytes(), _MIME_TYPES.get(path.suffix.lower(), "application/octet-stream")
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
