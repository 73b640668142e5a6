# What an error body says: its codes, messages, status and waits, read from every layout that providers use.

# Nothing is judged here (`_classify.py` does that) and nothing is trusted: any JSON value or text gives an `Evidence`.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lingate._dialects._redact import compiled
from lingate._model import Record
from lingate._wire import json
from lingate._wire.shapes import dig

BASE_RESP = "base_resp:"
"""Prefix of codes from a `base_resp` object: its numbers mean something else than the same numbers elsewhere."""

_TEXTS = (
    "message",
    "Message",
    "detail",
    "msg",
    "Msg",
    "error_msg",
    "err_msg",
    "error_message",
    "errorMessage",
    "error_description",
    "faultstring",
    "OriginalMessage",
    "originalMessage",
    "description",
    "title",
)
_CODES = (
    "code",
    "Code",
    "type",
    "status",
    "reason",
    "quotaId",
    "error_type",
    "error_code",
    "errorCode",
    "ErrorCode",
    "err_code",
    "__type",
)
_STATUSES = (
    "code",
    "status",
    "status_code",
    "raw_status_code",
    "statusCode",
    "http_code",
    "httpCode",
    "http_status",
    "http_status_code",
    "httpStatusCode",
    "error_code",
)
_ORIGINAL = ("OriginalStatusCode", "originalStatusCode")
_NESTED = (
    "errors",
    "detail",
    "details",
    "innererror",
    "metadata",
    "raw",
    "violations",
    "fieldViolations",
    "fault",
    "x_groq",
    "param",
    "message",
    "status",
    "value",  # Vercel's gateway
    "header",  # Spark
)
"""Fields that may hold more of the error: an object, a list, or text with JSON in it."""

_QUOTAS = {"quotaId": "quotaValue", "quota_limit": "quota_limit_value"}
_FLAGS = ("flagged_input", "input_guardrail", "output_guardrail")
"""Records of a moderation; what moderates without an error does so in answers that are none."""

_REQUEST_IDS = ("request_id", "requestId", "RequestId", "requestID", "requestid", "trace", "trace_id", "ray_id")

_EMPTY_CODES = frozenset({"", "0", "200", "error", "none", "null", "ok", "success", "failed", "failure", "about:blank"})
_EMPTY_EVENTS = frozenset({"response.failed", "response.error", "response.incomplete"})

_MAX_DEPTH = 9  # Google's quotas are at 7 where a package puts the answer into its message
_MAX_NODES = 80  # more objects than this are not an error but somebody's data
_MAX_TEXT = 20_000
_MAX_SAID = 6_000


class Evidence(Record):
    # An error as its sender put it.

    status: int | None
    """HTTP status that counts: the real one, or the body's own where HTTP said success or nothing."""
    codes: tuple[str, ...]
    """Machine-readable codes as sent, in reading order."""
    message: str
    """The provider's own words, not redacted."""
    said: str
    """The same in lower case, bounded, without what it quotes of the request, for matching."""
    quotas: tuple[tuple[str, str | None], ...] = ()
    """`(quotaId, quotaValue)` of each quota that Google says was exceeded."""
    flagged: bool = False
    """A moderation record is attached."""
    waits: tuple[float | str, ...] = ()
    """Seconds to wait that the body states as numbers, and durations it states as text."""
    headers: Mapping[str, str] = {}
    """Headers of an answer further up that the body quotes, names in lower case."""
    request_id: str | None = None
    """The id of the request, if the body has one."""


def read(value: object, status: int | None, headers: Mapping[str, str]) -> Evidence:
    # Gather what an error says.
    # `value`: the decoded body, or its text where it is not JSON.
    # `status`: HTTP status; a success or None lets the body's own status count.
    # `headers`: of the answer, names in lower case.
    reader = _Reader(status)
    aws_type = headers.get("x-amzn-errortype")
    if aws_type:
        reader.code(_aws_name(aws_type))
    reader.take(value, 0)
    if not reader.texts and status is not None and status >= 400:
        reader.lost = True
        reader.take(value, 0)
    texts = reader.texts or [code for code in reader.codes if " " in code]
    message = "; ".join(texts)
    said = message
    for echo in reader.echoes:
        said = said.replace(echo, "")
    counting = _counting_status(status, reader)
    if counting in (400, 404, 422):
        said = compiled(_QUOTATION).sub("", said)
    return Evidence(
        status=counting,
        codes=tuple(dict.fromkeys(reader.codes)),
        message=message,
        said=said[:_MAX_SAID].lower(),
        quotas=tuple(reader.quotas),
        flagged=reader.flagged,
        waits=tuple(reader.waits),
        headers=reader.headers,
        request_id=reader.request_id or _body_id(value),
    )


def is_error(value: object) -> bool:
    # Whether a decoded body or stream event reports an error although its HTTP status said success.
    # Cheap on ordinary answers; their `code`, `type`, `message`, `status` and null `error` do not make them errors.
    if not isinstance(value, dict):
        return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and bool(value[0].get("error"))
    if value.get("error") or value.get("__type") or value.get("object") == "error" or value.get("type") == "error":
        return True
    for mark in _MARKS.intersection(value):
        if _HIDDEN[mark](value[mark], value):
            return True
    # Nothing but the fields of an error: {"code": "InvalidApiKey", "message": "..."}, {"detail": "..."}.
    return len(value) < 9 and not _CODE_FIELDS.isdisjoint(value) and _is_bare_error(value)


def _base_resp_failed(base: Any, _: dict[str, Any]) -> bool:
    return isinstance(base, dict) and base.get("status_code") not in (0, None, "0")


def _event_failed(kind: Any, value: dict[str, Any]) -> bool:
    # A Responses stream fails with an event, a background response by its status.
    if kind == "response.failed":
        return True
    response = value.get("response")
    return str(kind).startswith("response.") and isinstance(response, dict) and bool(response.get("error"))


def _choice_failed(choices: Any, _: dict[str, Any]) -> bool:
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and bool(first.get("error"))


_HIDDEN: dict[str, Callable[[Any, dict[str, Any]], bool]] = {
    "base_resp": _base_resp_failed,
    "x_groq": lambda groq, _: isinstance(groq, dict) and bool(groq.get("error")),
    "choices": _choice_failed,
    "errors": lambda errors, value: isinstance(errors, list) and bool(errors) and value.get("success") is not True,
    "success": lambda success, _: success is False,
    "status": lambda status, value: status in ("error", "failure") and isinstance(value.get("message"), str),
    # A chunk of a stream instead of one with choices (DeepInfra, Venice).
    "error_message": lambda text, value: bool(text) and isinstance(text, str) and not value.get("choices"),
    "error_msg": lambda _, value: _is_code(value.get("error_code")),
    "fault": lambda fault, _: isinstance(fault, dict) and "faultstring" in fault,
    "response": lambda _, value: _event_failed(value.get("type"), value),
    # Tencent, in two formats; Spark
    "Response": lambda wrapped, _: isinstance(wrapped, dict) and isinstance(_error_of(wrapped), dict),
    "ErrorMsg": lambda error, _: isinstance(error, dict) and "Code" in error,
    "header": lambda header, _: _is_code(dig(header, "code")),
    "Output": lambda output, _: isinstance(output, dict) and "__type" in output,  # AWS, for paths it does not know
}
_MARKS = frozenset(_HIDDEN)

_CODE_FIELDS = frozenset({"detail", *_STATUSES})
_BARE_FIELDS = frozenset(
    {*_TEXTS, *_CODES, *_STATUSES, *_REQUEST_IDS, *_ORIGINAL, *_NESTED, "id", "sid", "location", "path", "retry_after"}
)


def _is_bare_error(value: dict[str, Any]) -> bool:
    known = {key: item for key, item in value.items() if item not in (None, "", [], {}, False)}
    if not known or not known.keys() <= _BARE_FIELDS:
        return False
    if known.keys() == {"detail"}:
        return True
    if not any(isinstance(known.get(key), str) for key in _TEXTS):
        return False
    if _is_code(known.get("code")) or _is_code(known.get("error_code")) or str(known.get("type")).endswith("_error"):
        return True
    return any(map(_http_status, known.values()))


def _error_of(node: dict[str, Any]) -> Any:
    return node.get("Error") or node.get("ErrorMsg")


def _is_code(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    return str(value).lower() not in _EMPTY_CODES


class _Reader:
    # Walks one body and collects; what it meets twice it keeps once.

    def __init__(self, http_status: int | None) -> None:
        self.http_status = http_status
        self.codes: list[str] = []
        self.texts: list[str] = []
        self.statuses: list[int] = []
        self.original: int | None = None
        self.quotas: list[tuple[str, str | None]] = []
        self.waits: list[float | str] = []
        self.headers: dict[str, str] = {}
        self.request_id: str | None = None
        self.flagged = False
        self.lost = False  # nothing was found where errors are known to say it: any words will do
        self.nodes = _MAX_NODES
        self.echoes: list[str] = []

    def take(self, value: Any, depth: int) -> None:
        self.nodes -= 1
        if depth > _MAX_DEPTH or self.nodes < 0:
            return
        if isinstance(value, str):
            self.say(value, depth)
        elif isinstance(value, dict):
            self._object(value, depth)
        elif isinstance(value, list):
            for item in value[:8]:
                self.take(item, depth + 1)

    def _object(self, node: dict[str, Any], depth: int) -> None:
        if "loc" in node and "msg" in node:  # a validation error; its `type` names a check, not a class of error
            self.say(f"{_dotted(node['loc'])}: {node['msg']}", depth)
            return
        self._inner_error(node, depth)
        for key in _STATUSES:
            self.status(node.get(key))
        # {"name": "content_moderation", "errors": [...]}
        if not depth and str(name := node.get("name")).isidentifier():
            self.code(name)
        for key in _CODES:
            self.code(_aws_name(node[key]) if key == "__type" and isinstance(node.get(key), str) else node.get(key))
        self._facts(node)
        for key in _TEXTS:
            if isinstance(text := node.get(key), str):
                self.say(text, depth)
        if isinstance(field := node.get("param"), str) and field.count(" ") > 2:  # not a field's name but the reason
            self.say(field, depth)
        for key in _NESTED:
            child = node.get(key)
            # A string here is text of the error, except that `param` names fields and `detail` has been read.
            if isinstance(child, dict if key == "param" else (dict, list)) or key in ("raw", "details"):
                self.take(child, depth + 1)
        if self.lost and not self.texts:
            for child in list(node.values())[:20]:
                if not isinstance(child, str) or " " in child or not child.isascii():
                    self.take(child, depth + 1)

    def _inner_error(self, node: dict[str, Any], depth: int) -> None:
        # The error proper comes before what stands around it.
        if error := node.get("error") or _error_of(node):
            if isinstance(error, str) and " " not in error.strip():
                self.code(error)  # {"error": "invalid_client", "error_description": "..."}
            self.take(error, depth + 1)
        response = node.get("response")
        if isinstance(response, dict):
            self.take({key: response.get(key) for key in ("error", "error_type")}, depth + 1)
        choices: Any = node.get("choices")
        if _choice_failed(choices, node):
            self.take(choices[0]["error"], depth + 1)
        wrapped = node.get("Response")
        if isinstance(wrapped, dict):
            self.take({"error": _error_of(wrapped), "RequestId": wrapped.get("RequestId")}, depth + 1)
        output = node.get("Output")
        if isinstance(output, dict) and "__type" in output:
            self.take(output, depth + 1)
        base = node.get("base_resp")
        if isinstance(base, dict) and _base_resp_failed(base, node):
            self.codes.append(f"{BASE_RESP}{str(base['status_code'])[:40]}")
            self.take(base.get("status_msg"), depth + 1)

    def _facts(self, node: dict[str, Any]) -> None:
        for key in _ORIGINAL:
            self.original = self.original or _http_status(node.get(key))
        for key, wait in list(node.items())[:99]:
            if not compiled(_WAIT_NAME).fullmatch(key) or isinstance(wait, bool):
                continue
            millis = key.lower().endswith("ms")
            if isinstance(wait, (int, float)) and abs(wait) < 1e15:
                self.waits.append(wait / 1000 if millis else float(wait))
            elif isinstance(wait, str):
                self.waits.append(wait + "ms" if millis else wait)
        for key, limit in _QUOTAS.items():
            if isinstance(quota := node.get(key), str):
                value = node.get(limit)
                self.quotas.append((quota, None if value is None else str(value)))
        self.flagged = self.flagged or any(node.get(key) is not None for key in _FLAGS)
        if isinstance(quoted := node.get("headers"), dict):
            self.headers.update({str(name).lower(): str(value) for name, value in list(quoted.items())[:40]})
        for key in _REQUEST_IDS:
            if not self.request_id and isinstance(found := node.get(key), str):
                self.request_id = found

    def status(self, value: Any) -> None:
        found = _http_status(value)
        if found is not None:
            self.statuses.append(found)

    def code(self, value: Any) -> None:
        if not _is_code(value):
            return
        text = str(value).strip()
        if text and len(text) <= 200 and "://" not in text and text not in _EMPTY_EVENTS:
            self.codes.append(text)

    def say(self, text: str, depth: int) -> None:
        # Keep a message; JSON inside it is read as what it is, and only the words around it are kept.
        text = self._unnest(text[:_MAX_TEXT].strip(), depth)
        if text.endswith(")") and (number := compiled(_BASE_NUMBER).search(text)):
            self.codes.append(BASE_RESP + number[1])
        self.codes += compiled(_SAID_CODE).findall(text)
        if text and not any(text in known for known in self.texts):
            self.texts.append(text)

    def _unnest(self, text: str, depth: int) -> str:
        start, end = text.find("{"), text.rfind("}")
        refused = _counting_status(self.http_status, self) in (400, 404, 422, 500)
        echo = refused and compiled(_ECHO).search(text)
        if echo and (start < 0 or echo.start() <= start or "'loc': " in text[: echo.start()]):
            self.echoes.append(text[echo.end() :])
            return text
        if start < 0 or end <= start or depth >= _MAX_DEPTH or not compiled(_JSON_MARK).search(text[start:]):
            return text
        value = _decode_piece(text[start : end + 1])
        if not isinstance(value, dict) or not _READABLE & value.keys():
            if compiled(_ERROR_MARK).search(text[start:]):
                for code in compiled(_QUOTED_CODE).findall(text[start : start + 4000]):
                    self.code(code)
            return text
        before = text[:start].removesuffix("[").rstrip(" \n\t-:('\"b")
        if before.startswith(("data", "event", "id:")):  # an SSE frame sent as an error's body
            before = ""
        # `[vendor/m] [429]: {"error": ...} (reset after 5m)`: what stands behind it says how long.
        for part in (before, value, text[end + 1 :].replace("\\n", " ").strip(" \n\t'\"()[]")):
            self.take(part, depth + 1)
        return ""


_READABLE = frozenset({"error", "errors", "message", "Message", "detail", "code", "base_resp", "msg", "error_msg"})
# Durations and points in time; `estimated_time` is how long a model still loads.
_WAIT_NAME = (
    "(?i)retry_?(?:after|delay)(?:_?(?:seconds|ms))?|estimated_time"
    "|(?:quota)?resets?_?(?:(?:in_?)?seconds|at|time(?:stamp)?|delay)"
)
# Where there is no `base_resp`, in other formats than its own, MiniMax puts its number behind the words: `... (1026)`.
_BASE_NUMBER = r"\w[!.]? \((10(?:0[248]|2[67]|39|41)|20(?:13|4[59]|61))\)$"
# A code instead of words, or before them: `<400> InternalError.Algo.DataInspectionFailed: ...`; botocore's way to tell one.
_SAID_CODE = r"^[a-z]+(?:_[a-z]+)+$|(?<=<\d\d\d> )[\w.]+(?=: )|(?<=n error occurred \()\w+"
# What a validator shows of what it refuses is the client's, or the model's: an object behind such words, a quotation with a blank.
# SageMaker quotes its server: `from primary with message "..."`.
_ECHO = r"(?i)(?:\b(?:got|received|value|in|json|pos \d+|parsing \w+)|'input')\W{0,3}(?=\{)|\b(?:input_value|raw)="
_QUOTATION = r"""(?<=\w )(?<!th message )(?:"[^" ]* [^"]*"|'[^' ]* [^']*'(?!\w)|`[^` ]* [^`]*`)|\bmap\[[^\]]*(?:\]|$)"""
_JSON_MARK = r"""["'](?:error|errors|message|detail|code|msg|error_msg|base_resp)\\?["']\s*:"""
# Gateways in Python put the repr of a dict into their message: {'error': {'code': 'context_length_exceeded', ...}}.
_ERROR_MARK = r"""["']error\\?["']\s*:"""
_QUOTED_CODE = r"""["'](?:code|type|status|reason)\\?["']\s*:\s*\\?["']([A-Za-z0-9_.]{3,60})\\?["']"""


def _decode_piece(piece: str) -> Any:
    for text in (piece, piece.replace("\\n", "\n").replace("\\'", "'").replace('\\"', '"')):
        try:
            return json.decode(text)
        except ValueError:
            continue
    return None


def _counting_status(status: int | None, reader: _Reader) -> int | None:
    if status is not None and not 200 <= status < 300:
        # 424 is a proxy's word for "the model's server failed"; what that server answered is in the body.
        return reader.original if status == 424 and reader.original else status
    return reader.original or (reader.statuses[0] if reader.statuses else None)


def _http_status(value: Any) -> int | None:
    if isinstance(value, str) and len(value) == 3 and value.isdecimal() and value.isascii():
        value = int(value)
    return value if type(value) is int and 400 <= value <= 599 else None


def _aws_name(text: str) -> str:
    # `com.amazon.coral.service#ThrottlingException:http://internal.amazon.com/...` -> `ThrottlingException`.
    return text.partition(":")[0].rpartition("#")[2].strip()


def _dotted(path: Any) -> str:
    return ".".join(map(str, path[:12])) if isinstance(path, list) else str(path)[:200]


def _body_id(value: object) -> str | None:
    found = dig(value, "id")
    return found if isinstance(found, str) else None
