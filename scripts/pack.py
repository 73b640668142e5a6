"""Packs for the package what is written elsewhere, before anything of it is loaded: `make docs`.

LiteLLM's keys are written in docs/litellm_keys.txt, the gateway's pages in ui/.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "src" / "lingate" / "server"
KEYS, PACKED_KEYS = ROOT / "docs" / "litellm_keys.txt", SERVER / "config" / "litellm_keys.z"
PAGES, PACKED_PAGES = ROOT / "ui", SERVER / "ui" / "pages.z"


def main() -> None:
    PACKED_KEYS.write_bytes(zlib.compress(KEYS.read_bytes(), 9))
    pages = {page.name: page.read_text(encoding="utf-8") for page in sorted(PAGES.iterdir())}
    PACKED_PAGES.write_bytes(zlib.compress(json.dumps(pages, ensure_ascii=False).encode(), 9))


if __name__ == "__main__":
    main()
