"""Packs docs/litellm_keys.txt for the package, before anything of it is loaded: `make docs`."""

from __future__ import annotations

import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "docs" / "litellm_keys.txt"
PACKED = ROOT / "src" / "lingate" / "server" / "config" / "litellm_keys.z"

if __name__ == "__main__":
    PACKED.write_bytes(zlib.compress(WRITTEN.read_bytes(), 9))
