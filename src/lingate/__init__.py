"""One gateway to every LLM provider.

    import lingate

    answer = lingate.chat("anthropic/claude-sonnet-4-6", "Why is the sky blue?")
    print(answer.text, answer.usage.total_tokens)

Names are loaded when they are first used, so this import costs about a millisecond and does nothing else.
"""

from lingate._version import __version__ as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lingate import errors as errors
    from lingate import types as types
    from lingate._call.policy import RetryPolicy as RetryPolicy
    from lingate._call.policy import Timeout as Timeout
    from lingate._client import AsyncLingate as AsyncLingate
    from lingate._client import Lingate as Lingate
    from lingate._io.chat_stream import AsyncChatStream as AsyncChatStream
    from lingate._io.chat_stream import ChatStream as ChatStream
    from lingate._io.completion_stream import AsyncCompletionStream as AsyncCompletionStream
    from lingate._io.completion_stream import CompletionStream as CompletionStream
    from lingate._io.public import Credential as Credential
    from lingate._io.public import Offer as Offer
    from lingate._io.public import ProviderInfo as ProviderInfo
    from lingate._io.public import catalog as catalog
    from lingate._io.public import credentials as credentials
    from lingate._io.public import providers as providers
    from lingate._io.public import register as register
    from lingate._io.responses_stream import AsyncResponsesStream as AsyncResponsesStream
    from lingate._io.responses_stream import ResponsesStream as ResponsesStream
    from lingate._model import ProviderRow as ProviderRow
    from lingate._views import ChatChunk as ChatChunk
    from lingate._views import ChatResponse as ChatResponse
    from lingate._views import EmbeddingResponse as EmbeddingResponse
    from lingate._views import ModelList as ModelList
    from lingate._views_media import CompletionChunk as CompletionChunk
    from lingate._views_media import CompletionResponse as CompletionResponse
    from lingate._views_media import ImageResponse as ImageResponse
    from lingate._views_media import ModerationResponse as ModerationResponse
    from lingate._views_media import RerankResponse as RerankResponse
    from lingate._views_media import SpeechResponse as SpeechResponse
    from lingate._views_media import TokenCount as TokenCount
    from lingate._views_media import TranscriptionResponse as TranscriptionResponse
    from lingate._views_responses import ResponsesResponse as ResponsesResponse
    from lingate.errors import LingateError as LingateError

    # What `_default.py` has is typed as the methods it calls.
    _client, _aclient = Lingate(), AsyncLingate()
    achat = _aclient.chat
    aembed = _aclient.embed
    arerank = _aclient.rerank
    chat = _client.chat
    embed = _client.embed
    models = _client.models
    rerank = _client.rerank

_HOME = {
    name: home
    for home, names in {
        "lingate._call.policy": "RetryPolicy Timeout",
        "lingate._client": "AsyncLingate Lingate",
        "lingate._default": "achat aembed arerank chat embed models rerank",
        "lingate._io.chat_stream": "AsyncChatStream ChatStream",
        "lingate._io.completion_stream": "AsyncCompletionStream CompletionStream",
        "lingate._io.public": "Credential Offer ProviderInfo catalog credentials providers register",
        "lingate._io.responses_stream": "AsyncResponsesStream ResponsesStream",
        "lingate._model": "ProviderRow",
        "lingate._views": "ChatChunk ChatResponse EmbeddingResponse ModelList",
        "lingate._views_media": """CompletionChunk CompletionResponse ImageResponse ModerationResponse
            RerankResponse SpeechResponse TokenCount TranscriptionResponse""",
        "lingate._views_responses": "ResponsesResponse",
        "lingate.errors": "LingateError errors",
        "lingate.types": "types",
    }.items()
    for name in names.split()
}

__all__ = [*sorted(_HOME), "__version__"]  # noqa: PLE0604

if not TYPE_CHECKING:

    def __getattr__(name):
        home = _HOME.get(name)
        if home is None:
            there = ": errors are in lingate.errors" if name.endswith("Error") else ""
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{there}")
        from importlib import import_module

        module = import_module(home)
        value = globals()[name] = module if home == f"{__name__}.{name}" else getattr(module, name)
        return value

    def __dir__():
        return sorted(__all__)
