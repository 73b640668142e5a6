"""`POST /responses/input_tokens`: how many tokens a request would read."""

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._counts import integer
from lingate._dialects._streamless import Streamless
from lingate._dialects.openai_chat.envelope import join_url, seal
from lingate._dialects.openai_chat.reading import decode_object, malformed
from lingate._dialects.openai_responses.face_request import parse_call
from lingate._dialects.openai_responses.facts import PATH
from lingate._dialects.openai_responses.request import write_body
from lingate._dialects.openai_responses.response import failure_of
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode

_COUNTED = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""Fields that the path takes; the others do not change the count."""


class CountTokens(Streamless):
    """The `count_tokens` operation."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        made = write_body(call, target)
        sent = made.sent
        path = target.row.paths.get("count_tokens", target.row.paths.get("responses", PATH) + "/input_tokens")
        sent.url = join_url(target.url, path, target.model)
        sent.answer_tool, sent.stop = None, ()
        body = {name: value for name, value in made.body.items() if name in _COUNTED}
        return seal(sent, {"model": target.model, **body})

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        raw = decode_object(body, sent.target)
        if integer(raw.get("input_tokens")) is None:
            raise failure_of(raw, sent.target, head.headers) or malformed(sent.target, "the answer has no input_tokens")
        return dict(raw), raw

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return parse_call(body, path_args, "count_tokens")

    def render(self, response: JsonDict) -> bytes:
        return encode({"object": "response.input_tokens", "input_tokens": response.get("input_tokens", 0)})
