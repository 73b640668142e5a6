# The wire request while it is being written: what was asked, what stands so far, and what must be said about it.

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._dataurl import split_data_url
from lingate._dialects._ignorable import CACHE_MARK
from lingate._dialects._native_only import note_native_only
from lingate._model import Call, HttpRequest, JsonDict, Target, Traits
from lingate._wire.shapes import as_dict, dig, not_null, without
from lingate.errors import ConfigError, UnsupportedError


@dataclass(slots=True)
class Draft:
    # One request under construction. A dialect that needs more fields makes a subclass.

    call: Call
    """What was asked."""
    target: Target
    """Where it goes."""
    asked: JsonDict
    """The canonical request without its nulls: a null means the field was not given."""
    traits: Traits
    """The target's traits over the dialect's defaults."""
    body: JsonDict = field(default_factory=dict)
    """The wire body so far."""
    dropped: list[str] = field(default_factory=list)
    """What was left out or changed, in words."""
    answer_tool: str | None = None
    """Name of the tool whose input is the structured answer."""
    stop: tuple[str, ...] = ()
    """All stop sequences, when the wire does not take all of them."""
    one_call: bool = False
    """One tool call at a time is asked for, which the wire has no word for."""

    def hand_over(self, sent: HttpRequest) -> None:
        # Tell the request what the way back must know.
        sent.dropped, sent.answer_tool = self.dropped, self.answer_tool
        sent.stop, sent.one_call = self.stop, self.one_call

    def note(self, what: str) -> None:
        # Report something that was left out or changed without harm to the meaning.
        if what not in self.dropped:
            self.dropped.append(what)

    def note_others(self, message: JsonDict, known: Collection[str], where: str) -> None:
        # Report the fields of a message that the format has no place for.
        for name, value in message.items():
            if name not in known and value is not None:
                self.note(f"{where}.{name}")

    def left_out(self, name: str, value: Any, neutral: Mapping[str, tuple[Any, ...]], hints: Collection[str]) -> bool:
        # Whether a field stays out of the request, which is reported where it matters.
        # `neutral`: fields without a counterpart, and the values that ask for what happens anyway.
        # Raises UnsupportedError: the field has no counterpart, and `drop_params` is off.
        if name in neutral:
            if value not in neutral[name]:
                self.has_none(name)
            return True
        if name in hints:
            self.note(name)
            return True
        return False

    def has_none(self, param: str) -> None:
        # Refuse a parameter that the format has no counterpart for, unless it can be enforced on the way back.
        if param == "parallel_tool_calls":
            self.one_call = True
            if self.asked.get("tools"):
                self.note("parallel_tool_calls (calls behind the first are left out of the answer)")
        else:
            self.refuse(param, "the format has no counterpart")

    def refuse(self, param: str, why: str) -> None:
        # Leave a parameter out if the caller allows it.
        # Raises UnsupportedError: `drop_params` is off.
        if not self.call.drop_params:
            raise UnsupportedError(
                f"{param} is not supported: {why}",
                param=param,
                provider=self.target.provider,
                model=self.target.model,
                hint="pass drop_params=True to leave it out",
            )
        self.note(param)

    def messages(self, dialect: str = "") -> list[Any]:
        # The messages that are asked for.
        # What no format but the one they came in has a place for is reported.
        # `dialect`: the format that they are written in, if they can have come in it.
        # Raises ConfigError: they are no list.
        found = self.asked.get("messages")
        if not isinstance(found, list):
            raise self.broken("messages", "must be a list of messages")
        note_native_only(found, dialect, self.note)
        return found

    def objects(self, name: str) -> list[JsonDict]:
        # A field that is a list of objects; an empty one where it is not given.
        # Raises ConfigError: it is something else.
        found = self.asked.get(name) or []
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self.broken(name, "must be a list of objects")
        return found

    def answered(self, given: Any, where: str) -> str:
        # The id of the call that a message with a result is about.
        # Raises ConfigError: it is none.
        if not isinstance(given, str) or not given:
            raise self.broken(f"{where}.tool_call_id", "must be the id of the tool call that this answers")
        return given

    def parts(self, content: Any, where: str) -> list[Any]:
        # Content that is no text as a list of parts.
        # Raises ConfigError: it is none.
        if not isinstance(content, list):
            raise self.broken(where, "must be text or a list of parts")
        return content

    def part(self, part: Any, where: str) -> JsonDict:
        # One part of content, which may be bare text.
        # Raises ConfigError: it is none.
        if isinstance(part, str):
            return {"type": "text", "text": part}
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise self.broken(where, "must be an object with a type")
        if CACHE_MARK in part and self.traits.get("cache_control"):
            return {"cache_control": {"type": "ephemeral"}, **without(part, (CACHE_MARK,))}
        return attached(part)

    def note_marks(self, part: JsonDict, where: str) -> None:
        # Report what OpenAI's clients say of a part beside what is in it, where there is no place for that.
        if part.get(CACHE_MARK):
            self.note(CACHE_MARK)
        if part.get("detail") is not None:
            self.note(f"{where}.detail")

    def said(self, part: JsonDict, where: str) -> str:
        # The text of a part with text or a refusal.
        # Raises ConfigError: it has none.
        text = part.get("text", part.get("refusal"))
        if not isinstance(text, str):
            raise self.broken(f"{where}.text", "must be a string")
        return text

    def file(self, part: JsonDict, where: str) -> JsonDict:
        # What a `file` part holds.
        # Raises ConfigError: it is no object.
        file = part.get("file")
        if not isinstance(file, dict):
            raise self.broken(f"{where}.file", "must be an object")
        return file

    def function(self, function: Any, where: str) -> JsonDict:
        # The function of a tool.
        # Raises ConfigError: it has no name.
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise self.broken(f"{where}.function", "must be an object with a name")
        # OpenAI takes a second `type` inside; elsewhere it is another field of the tool, or unknown.
        return without(function, ("type",)) if function.get("type") == "function" else function

    def data_url(self, url: str, where: str) -> tuple[str, str]:
        # Media type and base64 of a data URL.
        # Raises ConfigError: it is none.
        try:
            return split_data_url(url)
        except ValueError as error:
            raise self.broken(where, str(error)) from None

    def media_url(self, part: JsonDict, where: str, forms: str, kind: str = "image_url") -> tuple[str, Any]:
        # Address and `detail` of an `image_url` part, or of another whose place is written so.
        # Raises ConfigError: it has none of the forms that are taken.
        holder = part.get(kind)
        url = holder.get("url") if isinstance(holder, dict) else holder
        if not isinstance(url, str) or not url:
            raise self.broken(f"{where}.{kind}.url", f"must be {forms}")
        return url, dig(holder, "detail")

    def image_url(self, part: JsonDict, where: str, forms: str) -> str:
        # Address of an `image_url` part, where `detail` has no counterpart.
        url, detail = self.media_url(part, where, forms)
        if detail not in (None, "auto"):
            self.note(f"{where}.image_url.detail")
        return url

    def broken(self, where: str, why: str) -> ConfigError:
        # The error for a request that makes no sense in any format.
        return ConfigError(f"{where}: {why}", provider=self.target.provider, model=self.target.model, kind="bad_call")


def asked_of(call: Call) -> JsonDict:
    return not_null(call.body)


def attached(part: JsonDict) -> JsonDict:
    # A part of content, a document as the `file` that it is to all but those whose clients send such.
    url = part.get("document_url")
    if not isinstance(url, str):
        return part
    return {"type": "file", "file": not_null({"file_data": url, "filename": part.get("document_name")})}


def keep(holder: JsonDict, dialect: str, fields: Any) -> JsonDict:
    # A request, message or response, with what only a dialect knows of it beside the rest, if that is anything: so one that
    # goes on to this format again is the same.
    if fields:
        holder["provider_specific_fields"] = {dialect: fields}
    return holder


def native_fields(holder: Any, dialect: str) -> JsonDict:
    # A dialect's part of `provider_specific_fields` of a request, message or response; empty if there is none.
    return as_dict(dig(holder, "provider_specific_fields", dialect))
