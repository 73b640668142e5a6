# Replicate's predictions: a prompt in, a text out, by a job that is begun, waited for or streamed from another address.

# https://replicate.com/docs/reference/http. A whole answer is waited for by the first request as long as the host allows, and
# asked after from then on. A model is `owner/name`, `owner/name:version`, a version alone, or `deployments/owner/name`.

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from lingate._dialects._answers import decode_object, malformed, provider_failed
from lingate._dialects._base import Dialect, Further
from lingate._dialects._draft import Draft
from lingate._dialects._envelope import join_url
from lingate._dialects._failure import body_failure
from lingate._dialects._params import CHAT_FIELDS, answer_limit, sampling, stops, write_rest
from lingate._dialects._texts import TextForm, TextStream, answer, begin, choice_of, counts, prompt_of, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Event, Head, HttpRequest, JsonDict, Target, replaced
from lingate._wire.json import decode
from lingate._wire.shapes import as_dict, dig
from lingate.errors import LingateError

_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_VERSION = re.compile(r"(?:.*:)?([0-9a-f]{64})")
_RUNNING = frozenset({"starting", "processing"})
_LONGEST_WAIT = "wait=60"
_PAUSE = 0.5
"""Seconds between two questions whether a prediction is done, as the host's own client has it."""


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST .../predictions`.
    draft = begin(call, target)
    system, prompt = prompt_of(draft)
    given: JsonDict = {"prompt": prompt, **({"system_prompt": system} if system else {})}
    given.update(sampling(draft, _SAMPLING))
    limit = answer_limit(draft)
    if limit is not None:
        given[draft.traits.get("max_tokens_param", "max_tokens")] = limit
    _write_stops(draft, given)
    write_rest(draft, CHAT_FIELDS.union(_SAMPLING))
    given.update(draft.body)
    version = _VERSION.fullmatch(target.model)
    body: JsonDict = {"input": given, **({"version": version[1]} if version else {})}
    headers = {} if call.stream else {"prefer": _LONGEST_WAIT}
    return send(draft, join_url(target.url, _path(target.model, bool(version)), ""), body, headers)


_NAME = re.compile(r"[a-z0-9.-]+\.[a-z]+")


def _further(sent: HttpRequest, head: Head, body: bytes) -> Further | None:
    # The question whether the prediction is done, or for its stream.
    try:
        value = decode(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("status") not in _RUNNING:
        return None
    urls = as_dict(value.get("urls"))
    if sent.call.stream and (url := _address(urls.get("stream"), sent)):
        return Further(_get(sent, url, "text/event-stream"), stream=True)
    url = _address(urls.get("get"), sent)
    return Further(_get(sent, url, "application/json"), _PAUSE) if url else None


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = decode_object(body, sent.target)
    status = raw.get("status")
    if status != "succeeded":
        raise _failure(raw, sent, head)
    output = raw.get("output")
    if isinstance(output, list) and all(isinstance(piece, str) for piece in output):
        output = "".join(output)
    metrics = as_dict(raw.get("metrics"))
    usage = counts(metrics.get("input_token_count"), metrics.get("output_token_count"))
    text = "" if output is None else output
    return answer(sent, [choice_of(text, None)], usage, {"id": raw.get("id")}), raw


class _Chat(TextForm):
    further = staticmethod(_further)


class _Stream(TextStream):
    # Events `output`, whose data is text, then `done`.

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == "output":
            text = data.decode("utf-8", "replace")
            self.say(text, {"event": name, "data": text}, out)
        elif name == "error":
            raise self.failed(_loose(data))
        elif name == "done":
            value = _loose(data)
            reason = dig(value, "reason")
            if reason:
                raise provider_failed(self._sent.target, f"a prediction that ended as {reason}")
            self.complete(None, {"event": name, "data": value}, out)


def _loose(data: bytes) -> Any:
    try:
        return decode(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _write_stops(draft: Draft, given: JsonDict) -> None:
    # They go out with commas between them, so one that has a comma in it is watched for on our side.
    wire = stops(draft, None)
    plain = [text for text in wire if "," not in text]
    if len(plain) < len(wire):
        draft.stop = tuple(wire)
        draft.note("stop (those with a comma)")
    if plain:
        given["stop_sequences"] = ",".join(plain)


def _path(model: str, versioned: bool) -> str:
    if versioned:
        return "/predictions"
    place = "" if model.startswith("deployments/") else "/models"
    return f"{place}/{quote(model.lstrip('/'), safe='/')}/predictions".replace("//", "/")


def _address(value: Any, sent: HttpRequest) -> str | None:
    # An address that an answer names, if it is the provider's: the same host, or one beside it (`stream.` for `api.`).
    url = value if isinstance(value, str) else ""
    try:
        known, asked = urlsplit(sent.target.url), urlsplit(url)
    except ValueError:
        return None
    if (asked.scheme, asked.netloc) == (known.scheme, known.netloc):
        return url
    domain = known.netloc.partition(".")[2]
    beside = known.scheme == asked.scheme == "https" and "." in domain and _NAME.fullmatch(domain)
    return url if beside and _NAME.fullmatch(asked.netloc) and asked.netloc.endswith(f".{domain}") else None


def _get(sent: HttpRequest, url: str, accept: str) -> HttpRequest:
    # A question about the same call. The key goes to the host that has had it, and to no other.
    known, asked = urlsplit(sent.target.url), urlsplit(url)
    ours = sent.headers if (known.scheme, known.netloc) == (asked.scheme, asked.netloc) else {}
    headers = {name: text for name, text in ours.items() if name.lower() not in ("content-type", "prefer", "accept")}
    return replaced(sent, method="GET", url=url, headers={**headers, "accept": accept}, body=b"")


def _failure(raw: JsonDict, sent: HttpRequest, head: Head) -> LingateError:
    status = raw.get("status")
    if status == "failed" and raw.get("error"):
        found = body_failure({"error": raw["error"]}, sent.target, headers=head.headers)
        return found or provider_failed(sent.target, "a failed prediction")
    if isinstance(status, str):
        return provider_failed(sent.target, f"a prediction that is {status}")
    return body_failure(raw, sent.target, headers=head.headers) or malformed(
        sent.target, "the answer is not a prediction"
    )


DIALECT = Dialect(
    name="replicate_predictions",
    operations={"chat": _Chat(chat_request, read_chat, _Stream)},
    render_error=render_error,
)
