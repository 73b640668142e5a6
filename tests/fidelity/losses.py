"""What a pair of formats cannot hold, and why. Anything else that is lost fails a test, and so does an entry that is not.

`docs/fidelity.md` is made of this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["request", "answer", "turn"]
"""A client's request on its way to the provider; an answer on its way to the client; an answer that comes back as a part of
the client's next request."""

NATIVE = "native"
"""What only its provider understands of a turn: signatures, encrypted reasoning, blocks of the provider's own tools."""

_SIGNING = ("anthropic", "bedrock_converse", "gemini", "openai_responses")
_WITHOUT_PROOFS = {
    "ollama": "Ollama's messages have fields for text, thinking, images and tool calls, and none that a client sends back "
    "unread: signatures, encrypted reasoning and blocks of the provider's own tools do not reach the next turn.",
    "cohere": "Cohere's messages have fields for text, thinking, plans, tool calls and citations, and none that a client "
    "sends back unread: signatures, encrypted reasoning and blocks of the provider's own tools do not reach the next turn.",
}
_COARSE = {
    "ollama": (
        "Ollama counts the prompt, what of it was cached, and the answer; neither cache writes nor reasoning.",
        ("usage.written", "usage.reasoning"),
    ),
    "cohere": ("Cohere has no count of cache writes.", ("usage.written",)),
    "gemini": ("Gemini has no count of cache writes.", ("usage.written",)),
    "bedrock_converse": ("Bedrock does not count reasoning apart from the rest of the answer.", ("usage.reasoning",)),
}


@dataclass(frozen=True)
class Loss:
    """One thing that does not get through.

    Attributes:
        way: Where to.
        what: Its name in the gist of a request or an answer, or `NATIVE`.
        why: For readers of the documentation; entries of one cause share it.
        face: Format of the clients for which it holds.
        upstreams: Formats of the providers for which it holds; empty for all whose answers have it.
    """

    way: Way
    what: str
    why: str
    face: str
    upstreams: tuple[str, ...] = ()

    def applies(self, face: str, upstream: str, held: Any) -> bool:
        """Whether this is lost between two formats; nothing is where there is nothing to lose."""
        return face == self.face and (not self.upstreams or upstream in self.upstreams) and bool(held)


LOSSES: tuple[Loss, ...] = (
    Loss(
        "request",
        "stop",
        "Requests of the Responses API have no stop sequences, so its clients cannot ask for any.",
        "openai_responses",
    ),
    *(Loss("turn", NATIVE, why, face) for face, why in _WITHOUT_PROOFS.items()),
    *(Loss(way, "proofs", why, face) for face, why in _WITHOUT_PROOFS.items() for way in ("request", "answer")),
    *(
        Loss(
            "request",
            "thoughts",
            "A provider that signs its reasoning takes none back without the signature, so it is left out, and reported "
            "as dropped.",
            face,
            _SIGNING,
        )
        for face in _WITHOUT_PROOFS
    ),
    *(Loss("answer", what, why, face) for face, (why, names) in _COARSE.items() for what in names),
)

NOT_READ_BACK = {
    "bedrock_invoke": "Each model has its own body there: that of Anthropic's or of OpenAI's format, or a prompt.",
    "gemini_interactions": "What `generateContent` says, in steps.",
    "gigachat_chat": "OpenAI's format of 2023, which has neither images nor more than one call at a time.",
    "litellm": "Not a format: the arguments of the `litellm` package, which are OpenAI's.",
    "sagemaker": "The body that the container takes: OpenAI's, or a prompt.",
    "sap_orchestration": "OpenAI's format inside an envelope.",
    "watsonx_chat": "OpenAI's format with a project beside it.",
}
"""Formats of providers that no client speaks, so that requests in them are not read back here; tests of their own say what
goes out."""
