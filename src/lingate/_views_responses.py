# Views of what the Responses API answers: the same shape whichever provider did.

from __future__ import annotations

from typing import Any, cast

from lingate._model import JsonDict
from lingate._views import Response, View, detail, given, part, parts
from lingate._wire.json import decode
from lingate.errors import ProtocolError


class ResponsesUsage(View):
    """Token counts under the names of the Responses API; a count that the provider did not give is None or 0."""

    __slots__ = ()

    input_tokens: int | None = given("input_tokens")
    """All input tokens, cached ones and cache writes included."""

    output_tokens: int | None = given("output_tokens")
    """All output tokens, reasoning included."""

    total_tokens: int | None = given("total_tokens")
    """Input and output."""

    cached_tokens: int | None = detail("input_tokens_details", "cached_tokens")
    """Input tokens read from the provider's cache."""

    reasoning_tokens: int | None = detail("output_tokens_details", "reasoning_tokens")
    """Output tokens spent on reasoning."""


class ResponsesResponse(Response):
    """An answer in the shape of OpenAI's Responses API, with `.output_text` for what most callers want.

    `response.output` may be put into the `input` of the next call as it is, reasoning and its proofs included.
    """

    __slots__ = ()

    status: str = given("status", "completed")
    """`completed`, `incomplete`, `in_progress` or `queued`; a failed response is an error."""

    output: list[View] = parts("output", View)
    """The items: messages, reasoning, calls."""

    @property
    def output_text(self) -> str:
        """All text of all messages, joined; empty where there is none."""
        return "".join(
            part["text"]
            for item in self._data.get("output") or ()
            if item.get("type") == "message" and isinstance(item.get("content"), list)
            for part in item["content"]
            if part.get("type") == "output_text"
        )

    @property
    def output_parsed(self) -> Any:
        """The text as decoded JSON, for answers in a `text.format`.

        Raises:
            ProtocolError: The text is not JSON; where the answer was cut short, the message says so.
        """
        try:
            return decode(self.output_text)
        except ValueError as error:
            why = ": it was cut short" if self.status == "incomplete" else ""
            raise ProtocolError(f"the answer is {error}{why}", provider=self.provider) from None

    @property
    def function_calls(self) -> list[View]:
        """Calls of the caller's own functions and custom tools, an empty list where there are none."""
        kinds = ("function_call", "custom_tool_call")
        return [View(item) for item in self._data.get("output") or () if item.get("type") in kinds]

    usage: ResponsesUsage | None = part("usage", ResponsesUsage, needed=False)  # type: ignore[assignment]
    """Token counts, None where the provider gave none."""

    def _counted(self) -> JsonDict:
        from lingate._dialects.openai_responses.response import canonical_usage

        return {**self._data, "usage": canonical_usage(self._data.get("usage"))}


class ResponseEvent(View):
    """One event of a stream, in the shape of the Responses API."""

    __slots__ = ()

    def __init__(self, data: JsonDict) -> None:
        self._data = data

    type: str = given("type", "")
    """`response.output_text.delta` and the like."""

    @property
    def text(self) -> str:
        """The text this event adds to the answer, empty where it adds none."""
        is_text = self._data.get("type") == "response.output_text.delta"
        return cast(str, self._data["delta"]) if is_text else ""
