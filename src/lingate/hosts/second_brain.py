"""Second Brain's LLM backend: what the drop-in file `llm_lingate.py` does, without importing the host."""

# The file lives in the host's tree and runs in its sandbox; it hands over the host's own `LLMResponse` and
# `is_context_limit_error`, because that function decides from an error's *text* whether the user's history is compacted and
# then truncated. See docs/hosts/second-brain.md.

from __future__ import annotations

import base64
import io
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import lingate
from lingate.errors import ContextLengthError, LingateError, RateLimitError, UnknownProviderError
from lingate.hosts._shared import CUT, OVERFLOW, sentence, words

__all__ = ["Answering", "Patience"]

_ENDPOINT = "lingate-endpoint"
"""Provider of profiles that have an endpoint of their own and a name that begins with no known provider."""

_TIMEOUT = 570.0
"""Seconds. The host kills a box that is busy for 600, which tells the user nothing."""

_OURS = frozenset({"attachments", "messages", "model", "stream", "stream_options", "tools"})
"""What the request says elsewhere; in the profile's parameters it would be given twice."""


class Patience(lingate.RetryPolicy, frozen=True, kw_only=True):
    """Tries again what may pass at once, but lets the user hear of a rate limit: waiting for it is theirs to decide."""

    def wait(self, error: LingateError, turn: int, random: Callable[[], float]) -> float | None:
        # Seconds to wait before the next try, None for none.
        if isinstance(error, RateLimitError):
            return None
        return super().wait(error, turn, random)


class Answering:
    """Answers the host's requests, with its own `LLMResponse` and `is_context_limit_error`.

    Keeps nothing of any call or profile, so boxes of a pool are interchangeable.
    """

    def __init__(self, response: Any, overflows: Callable[[Any], bool]) -> None:
        self._response = response
        self._overflows = overflows
        # In a process of the host's own, so the name is in nobody's way.
        lingate.register(lingate.ProviderRow(name=_ENDPOINT, auth="none", local=True))

    def chat(self, sdk: Any, request: Any) -> Any:
        # The host's `LLMResponse` to its `LLMRequest`; failures come back as responses too. `sdk` has log, deltas and files.
        try:
            model, options = _place(request)
            messages = with_attachments(sdk, request.messages, request.attachments)
            if request.stream:
                answer = _streamed(sdk, model, messages, options)
            else:
                answer = lingate.chat(model, messages, **options)
            if answer.dropped:
                sdk.log(f"left out or changed for {model}: {', '.join(answer.dropped)}")
            return self._answered(answer)
        except Exception as error:
            # Whatever leaves here is judged by its text and may cost the user the conversation. The host's own
            # `Terminated` is a BaseException and passes.
            return self._failed(sdk, error)

    def _answered(self, answer: Any) -> Any:
        text, usage = words(answer), answer.usage
        if not (text or answer.tool_calls) and (why := CUT.get(answer.finish_reason)):
            # The host would ask again, and be billed again, for a question that has its answer.
            return self._response.failure(why, "provider_error")
        return self._response(
            content=_without_repeated_reasoning(text, answer.reasoning),
            tool_calls=[
                {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
                for call in answer.tool_calls
            ],
            prompt_tokens=usage and usage.prompt_tokens,
            cached_prompt_tokens=usage and usage.cached_tokens,
            completion_tokens=usage and usage.completion_tokens,
        )

    def _failed(self, sdk: Any, error: Exception) -> Any:
        # A failure whose text the host reads as what it is.
        sdk.log(f"{type(error).__name__}: {error}", level="warning")
        if isinstance(error, ContextLengthError):
            return self._response.failure(OVERFLOW, "context_limit")
        said = sentence(error)
        whole = f"{said} {error}" if isinstance(error, LingateError) else said
        return self._response.failure(said if self._overflows(whole) else whole, "provider_error")


def _place(request: Any) -> tuple[str, dict[str, Any]]:
    # Model and options of a request: the profile's key is the model, its endpoint and key come along if it has any.
    options = {name: value for name, value in (request.params or {}).items() if name not in _OURS}
    options.setdefault("drop_params", True)
    options.setdefault("retries", Patience())
    options.setdefault("timeout", _TIMEOUT)
    if request.api_key:
        options.setdefault("api_key", request.api_key)
    if request.base_url:
        options.setdefault("api_base", request.base_url)
    if request.tools:
        options["tools"] = request.tools
    return _model(request.model_name, bool(options.get("api_base"))), options


def _model(name: str, has_endpoint: bool) -> str:
    # The model, for an endpoint whose models have names of their own (`qwen2.5-7b`, `Qwen/Qwen2.5-7B`) with a provider.
    if not has_endpoint:
        return name
    provider, slash, _ = name.partition("/")
    try:
        if slash:
            lingate.credentials(provider, env={})
            return name
    except UnknownProviderError:
        pass
    return f"{_ENDPOINT}/{name}"


def _streamed(sdk: Any, model: str, messages: Any, options: Mapping[str, Any]) -> Any:
    # The same answer, shown as it arrives. Reasoning is not shown: the host wants the answer.
    with lingate.chat(model, messages, stream=True, **options) as stream:
        for chunk in stream:
            if text := words(chunk):
                sdk.llm.delta(text)
        return stream.final()


def _without_repeated_reasoning(text: str, reasoning: str) -> str:
    # The text without a `<think>` block that only repeats the reasoning; whatever else is in the block stays.
    before, opened, rest = text.partition("<think>")
    block, closed, after = rest.partition("</think>")
    said, known = block.strip(), reasoning.strip()
    if not (opened and closed and known and said.startswith(known)):
        return text
    return (before + said[len(known) :] + after).lstrip()


# Attachments: the host has chosen what this model reads; what is left to do here is reading the bytes through its SDK and
# writing them in OpenAI's form. What cannot be read becomes a few words with the text that the host found in it.
_EDGE = 2048
_QUALITY = 80
_MOST_IMAGE_BYTES = 3_500_000  # base64 adds a third, and 5 MB is the least that a large provider takes
_IMAGES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


def with_attachments(sdk: Any, messages: Sequence[Any], attachments: Sequence[Mapping[str, Any]] | None) -> list[Any]:
    # The messages with the attachments in the last one of the user's; nothing given is changed.
    #
    # An attachment of the host's has `path`, `file_name`, `modality`, `extension` and `parsed_text`.
    if not attachments:
        return list(messages)
    blocks: list[dict[str, Any]] = []
    names: list[str] = []
    notes: list[str] = []
    for item in attachments:
        block = _tried(sdk, item)
        if block is None:
            notes.append(_pointer(item))
        else:
            blocks.append(block)
            names.append(f"<{str(item.get('modality', 'file')).title()} {len(names) + 1}: {_name(item)}>")
    if names:
        notes.insert(0, "\n".join(["The following attachments are provided:", *names]))
    return _added(messages, "\n\n".join(notes), blocks)


def _added(messages: Sequence[Any], note: str, blocks: list[dict[str, Any]]) -> list[Any]:
    out = list(messages)
    for index in range(len(out) - 1, -1, -1):
        if out[index].get("role") == "user":
            content = out[index].get("content") or ""
            if isinstance(content, str):
                parts = [{"type": "text", "text": f"{content}\n\n{note}".strip()}]
            else:
                parts = [*content, {"type": "text", "text": note}]
            out[index] = {**out[index], "content": [*parts, *blocks]}
            return out
    return [*out, {"role": "user", "content": [{"type": "text", "text": note}, *blocks]}]


def _tried(sdk: Any, item: Mapping[str, Any]) -> dict[str, Any] | None:
    # The content block, None where the file cannot be read or sent.
    write = {"image": _image, "audio": _recording, "video": _recording}.get(str(item.get("modality")))
    if write is None:
        return None
    try:
        return write(_read(sdk, str(item.get("path") or "")), item)
    except Exception as error:
        # One unreadable file costs its own block, not the user's question. `Terminated` is a BaseException.
        sdk.log(f"{_name(item)} cannot be attached: {type(error).__name__}: {error}", level="warning")
        return None


def _read(sdk: Any, path: str) -> bytes:
    try:
        data: bytes = sdk.fs.read_bytes(path)
    except Exception:
        # Too large for one message of the sandbox, or not readable at all, which the second way says as well.
        return b"".join(sdk.fs.iter_bytes(path))
    return data


def _image(data: bytes, item: Mapping[str, Any]) -> dict[str, Any] | None:
    mime = next((mime for mime, magic in _IMAGES.items() if data.startswith(magic)), None)
    if mime is None or len(data) > _MOST_IMAGE_BYTES or _largest_edge(data) > _EDGE:
        mime, data = "image/jpeg", _shrunk(data)
    return {"type": "image_url", "image_url": {"url": _data_url(mime, data)}}


def _largest_edge(data: bytes) -> int:
    # Pixels of the longer side, as far as that can be told without decoding; 0 where Pillow is not installed.
    try:
        pillow = import_module("PIL.Image")
    except ModuleNotFoundError:
        return 0
    with pillow.open(io.BytesIO(data)) as image:
        return int(max(image.size))


def _shrunk(data: bytes) -> bytes:
    # The image as a JPEG that providers take. Without Pillow this fails, and the attachment becomes a pointer.
    pillow, operations = import_module("PIL.Image"), import_module("PIL.ImageOps")
    out = io.BytesIO()
    with pillow.open(io.BytesIO(data)) as image:
        # A JPEG says in its metadata which way is up, and the copy has none.
        small = operations.exif_transpose(image).convert("RGB")
        small.thumbnail((_EDGE, _EDGE))
        small.save(out, format="JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def _recording(data: bytes, item: Mapping[str, Any]) -> dict[str, Any] | None:
    path = str(item.get("path") or "")
    extension = str(item.get("extension") or "") or (path.rpartition(".")[2] if "." in path else "")
    extension = extension.lstrip(".").lower()
    mime = mimetypes.guess_type(f"file.{extension}")[0] or ""
    if mime.partition("/")[0] != item["modality"]:
        return None
    if item["modality"] == "video":
        return {"type": "video_url", "video_url": {"url": _data_url(mime, data)}}
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": extension}}


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("file_name") or "attachment")


def _data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _pointer(item: Mapping[str, Any]) -> str:
    parsed = str(item.get("parsed_text") or "").strip()
    if parsed:
        return (
            f"The user attached a {item.get('modality') or 'file'} file ({_name(item)}). Its content as text:\n{parsed}"
        )
    return f"The user attached a file: {_name(item)}. It is stored at {item.get('path') or 'an unknown place'}."
