"""What tests of Second Brain's backend share: the sandbox's SDK, and errors that sound like an overflow."""

from __future__ import annotations

import json
from types import SimpleNamespace

from tests.servers import Script

HELLO = [{"role": "user", "content": "Hello there"}]


class Terminated(BaseException):
    """How the host's sandbox ends a call."""


class Sdk:
    """The parts of the sandbox's SDK that a backend uses."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.deltas: list[str] = []
        self.logged: list[str] = []
        self.files = files or {}
        self.llm = SimpleNamespace(delta=self.deltas.append)
        self.fs = SimpleNamespace(read_bytes=self.files.__getitem__)

    def log(self, text: str, level: str = "info") -> None:
        self.logged.append(text)


HARMLESS = [
    ("rate_limit_exceeded", 429, "Rate limit exceeded. Quota request exceeds the tokens limit."),
    ("insufficient_quota", 429, "You exceeded your monthly token limit"),
    ("invalid_api_key", 401, "Incorrect API key for prompt tokens, maximum context"),
    ("model_not_found", 404, "The model with context length 128k does not exist"),
    (None, 400, "Invalid input: max retries exceeded"),
    (None, 500, "input queue length exceeded"),
    (None, 503, "too many tokens in flight"),
]


def failing(code: str | None, status: int, message: str) -> Script:
    body = json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()
    return Script([body], status=status, headers={"content-type": "application/json"})
