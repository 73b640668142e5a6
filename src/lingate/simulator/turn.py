"""One request at the face of its dialect: read, answered whole or as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from lingate._dialects._base import Dialect, StreamEncoder, media_type
from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate.errors import LingateError, NotFoundError
from lingate.simulator.edits import Scene
from lingate.simulator.frames import framing_of
from lingate.simulator.options import Options
from lingate.simulator.pieces import token_events
from lingate.simulator.replies import JSON, body_steps
from lingate.simulator.routes import Route
from lingate.simulator.steps import Begin, Send, Steps, Wait


@dataclass
class Turn:
    """A request for one route, with the encoder of its answer if that is a stream."""

    route: Route
    face: Dialect
    args: dict[str, str]
    call: Call = field(init=False)
    encoder: StreamEncoder | None = field(init=False, default=None)

    def read(self, body: bytes) -> Call:
        """The canonical call.

        Raises:
            BadRequestError: The body is not what the format asks for.
            NotFoundError: The dialect has no such operation.
        """
        operation = self.face.operations.get(self.route.operation)
        if self.route.operation == "models":
            # There is no request body, and which model is asked for is in the path, if it is one.
            self.call = Call("models", self.args.get("model", ""), {})
            return self.call
        if operation is None:
            raise NotFoundError(f"{self.face.name} has no {self.route.operation} here")
        self.call = operation.parse_call(body, self.args)
        if self.call.stream:
            self.encoder = operation.encoder(self.call)
        return self.call

    def scene(self, key: str) -> Scene:
        """What faults see of this request."""
        framing = framing_of(self.encoder.content_type if self.encoder else JSON)
        return Scene(self.call.model, key, self.encoder is not None, framing, self._failure)

    def _failure(self, error: LingateError) -> bytes:
        if self.encoder:
            return self.encoder.error(error)
        body: bytes = self.face.render_error(error)[1]
        return body

    def steps(self, response: JsonDict, options: Options) -> Steps:
        """The answer as the dialect writes it."""
        if self.encoder:
            return self._stream(self.encoder, response, options)
        return self._whole(response, options)

    def _whole(self, response: JsonDict, options: Options) -> Steps:
        operation = self.face.operations.get(self.route.operation)
        # One model of the list is in a form that both OpenAI's and Anthropic's clients read; most faces have lists only.
        single = self.route.operation == "models" and "data" not in response and not self.route.renders_one
        body = operation.render(response) if operation and not single else json.encode(response)
        tokens = (response.get("usage") or {}).get("completion_tokens") or 0
        wait = options.first_delay + options.delay * tokens
        kind = media_type(self.route.operation, response)
        return chain([Wait(wait)] if wait else (), body_steps(200, kind, body, tokens=tokens))

    def _stream(self, encoder: StreamEncoder, response: JsonDict, options: Options) -> Iterator[Begin | Wait | Send]:
        yield Begin(200, [("content-type", encoder.content_type), ("cache-control", "no-cache")])
        split = framing_of(encoder.content_type).split
        if options.first_delay:
            yield Wait(options.first_delay)
        owed = 0  # tokens of events that the encoder has not written yet
        for event, tokens in token_events(response, self._start_raw(response)):
            if tokens and options.delay:
                yield Wait(options.delay)
            owed += tokens
            frames = split(encoder.event(event))
            for frame in frames:
                yield Send(frame, owed if frame is frames[-1] else 0)
            owed = 0 if frames else owed
        frames = split(encoder.end())
        for frame in frames:
            yield Send(frame, owed if frame is frames[-1] else 0, terminal=frame is frames[-1])

    def _start_raw(self, response: JsonDict) -> JsonDict | None:
        """The stream's own first event where that tells what the prompt cost, which canonical events say at the end."""
        operation = self.face.operations.get(self.route.operation)
        if self.route.start_event is None or operation is None:
            return None
        usage = {**json.decode(operation.render(response))["usage"], "output_tokens": 0}
        usage.pop("output_tokens_details", None)
        return {"type": self.route.start_event, "message": {"usage": usage}}
