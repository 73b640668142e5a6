# Which path speaks which wire format, and what is asked for there.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from lingate._dialects._base import Dialect, OperationFormat, dialect
from lingate._model import Fixed, Operation
from lingate.server.http import Request


class Face(Fixed, frozen=True):
    # One way in.

    dialect: str
    """Wire format spoken there."""
    name: Operation
    """Operation as the format calls it: its key in `Dialect.operations`."""
    args: Mapping[str, str] = {}
    """Path arguments that the path itself stands for."""

    @property
    def spoken(self) -> Dialect:
        return dialect(self.dialect)

    @property
    def form(self) -> OperationFormat:
        return dialect(self.dialect).operations[self.name]


_NO_ARGS: Mapping[str, str] = {}


class Found(NamedTuple):
    # A face and what path and query say.

    face: Face
    args: Mapping[str, str]
    placed: bool = False
    """The path says the model, whatever the body says."""

    @property
    def listed(self) -> bool:
        # Whether a stream is wanted as one JSON list: Google's clients ask for events by `alt=sse`.
        return self.face.dialect == "gemini" and self.args.get("alt") != "sse"


_POST: dict[str, Face] = {
    "/chat/completions": Face("openai_chat", "chat"),
    "/completions": Face("openai_chat", "completions"),
    "/embeddings": Face("openai_chat", "embeddings"),
    "/responses": Face("openai_responses", "responses"),
    "/responses/input_tokens": Face("openai_responses", "count_tokens"),
    "/messages": Face("anthropic", "chat"),
    "/messages/count_tokens": Face("anthropic", "count_tokens"),
    "/images/generations": Face("openai_chat", "images"),
    "/images/edits": Face("openai_chat", "images", {"task": "edits"}),
    "/images/variations": Face("openai_chat", "images", {"task": "variations"}),
    "/audio/speech": Face("openai_chat", "speech"),
    "/audio/transcriptions": Face("openai_chat", "transcription"),
    "/audio/translations": Face("openai_chat", "transcription", {"translate": "yes"}),
    "/rerank": Face("openai_chat", "rerank"),
    "/moderations": Face("openai_chat", "moderations"),
}
"""Behind `/v1`, or without it: base URLs are written both ways."""

_LONGEST_FIRST = sorted(_POST, key=len, reverse=True)

_ELSEWHERE: dict[tuple[str, str], Face] = {
    ("POST", "/api/chat"): Face("ollama", "chat"),
    ("POST", "/api/generate"): Face("ollama", "completions"),
    ("POST", "/api/embed"): Face("ollama", "embeddings"),
    ("POST", "/api/embeddings"): Face("ollama", "embeddings"),
    ("GET", "/api/tags"): Face("ollama", "models"),
    ("POST", "/v2/rerank"): Face("cohere", "rerank"),
    ("GET", "/v1/models"): Face("openai_chat", "models"),
    ("GET", "/models"): Face("openai_chat", "models"),
    ("GET", "/v1beta/models"): Face("gemini", "models"),
}

_FIXED: dict[tuple[str, str], Face] = {
    **_ELSEWHERE,
    **{("POST", path): face for path, face in _POST.items()},
    **{("POST", f"/v1{path}"): face for path, face in _POST.items()},
}

_GOOGLE_METHODS: dict[str, Operation] = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
_GOOGLE = {method: Face("gemini", operation, {"method": method}) for method, operation in _GOOGLE_METHODS.items()}

_GOOGLE_PATH = re.compile(
    r"(?:/(?:v1|v1beta|v1alpha|v1beta1))?/(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?"
    r"models/(?P<model>.+):(?P<method>\w+)"
)
"""As Google's API for developers writes it, and as its cloud does; without a version too, like the others."""
_MODEL_PATH = re.compile(r"(?P<place>/v1|/v1beta|)/models/(?P<model>.+)")
_AZURE_PATH = re.compile(r"(?:/openai|/v1)?/(?:deployments|engines)/(?P<model>.+)")

MODELS: dict[str, Face] = {
    "anthropic": Face("anthropic", "models"),
    "gemini": Face("gemini", "models"),
    "openai_chat": Face("openai_chat", "models"),
}


def find(method: str, path: str, query: str) -> Found | None:
    face = _FIXED.get((method, path))
    if face is not None:
        if query or face.args:
            return Found(face, {**dict(parse_qsl(query)), **face.args})
        return Found(face, _NO_ARGS)
    return _find_named(method, path, query)


def _find_named(method: str, path: str, query: str) -> Found | None:
    asked = dict(parse_qsl(query))
    if method == "POST":
        named = _GOOGLE_PATH.fullmatch(path)
        if named and named["method"] in _GOOGLE:
            face = _GOOGLE[named["method"]]
            return Found(face, {**asked, **face.args, "model": unquote(named["model"])})
        named = _AZURE_PATH.fullmatch(path)
        rest = next((rest for rest in _LONGEST_FIRST if named["model"].endswith(rest)), None) if named else None
        if named and rest:
            face, model = _POST[rest], named["model"].removesuffix(rest)
            return Found(face, {**asked, **face.args, "model": unquote(model)}, placed=True) if model else None
    elif method == "GET":
        named = _MODEL_PATH.fullmatch(path)
        if named:
            face = MODELS["gemini" if named["place"] == "/v1beta" else "openai_chat"]
            return Found(face, {**asked, "model": unquote(named["model"])})
    return None


def found_for(request: Request) -> Found | None:
    # The face that a request is for; None if it is for none.
    # A path that nearly is one's is that one's, and from here on the request's: base URLs are written with a slash at
    # their end, or with the version that the client's package adds, too.
    # A head is asked for as the whole would be, and servers leave the body out.
    method = "GET" if request.method == "HEAD" else request.method
    found = find(method, request.path, request.query)
    if found is None:
        path = tidied(request.path)
        if path != request.path:
            found = find(method, path, request.query)
            if found is not None:
                request.path = path
    return found


_SLASHES = re.compile(r"/{2,}")
_INSIDE = re.compile(r"\A(?:/v1beta)?/(?:openai|anthropic|gemini|ollama|cursor)(?=/)")
"""What stands before the paths of a format at Azure, Google and other hosts, and at LiteLLM's proxy."""
_TWICE = re.compile(r"/(?:v1/)+(?=v1/|v1beta/)|/(?:v1beta/)+(?=v1beta/)")


def tidied(path: str) -> str:
    # A path as it is served, without what base URLs put before it and behind it.
    return _INSIDE.sub("", _TWICE.sub("/", _SLASHES.sub("/", path), count=1)).rstrip("/")


def methods_of(path: str) -> list[str]:
    # The methods that a path takes; none if nobody is there.
    path = tidied(path)
    # What stands behind the colon is a method of Google's, and no part of a model's name.
    methods = ("POST",) if _GOOGLE_PATH.fullmatch(path) else ("GET", "POST")
    return [method for method in methods if find(method, path, "") is not None]


_GOOGLES = re.compile(r"/v1(?:beta|alpha|beta1)(?:/|$)|.*/models/[^/]+:")


def format_at(path: str) -> str:
    # The wire format that whoever asks for a path most likely speaks, also where nobody is there.
    path = tidied(path)
    if path == "/api" or path.startswith("/api/"):
        return "ollama"
    if _GOOGLES.match(path):
        return "gemini"
    return "anthropic" if path.removeprefix("/v1").startswith("/messages") else "openai_chat"


def paths() -> Iterator[str]:
    # The paths that are served, for people.
    yield from (f"{method:<5}{path}" for method, path in _ELSEWHERE)
    yield from (f"POST /v1{path}" for path in _POST)
    yield from (f"POST /v1beta/models/{{model}}:{method}" for method in _GOOGLE)
