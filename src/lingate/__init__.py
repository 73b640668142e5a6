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
    from lingate._views_media import SpeechResponse as SpeechResponse
    from lingate._views_media import TokenCount as TokenCount
    from lingate._views_media import TranscriptionResponse as TranscriptionResponse
    from lingate._views_rerank import RerankResponse as RerankResponse
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
    "AsyncChatStream": "lingate._io.chat_stream",
    "AsyncCompletionStream": "lingate._io.completion_stream",
    "AsyncLingate": "lingate._client",
    "AsyncResponsesStream": "lingate._io.responses_stream",
    "ChatChunk": "lingate._views",
    "ChatResponse": "lingate._views",
    "ChatStream": "lingate._io.chat_stream",
    "CompletionChunk": "lingate._views_media",
    "CompletionResponse": "lingate._views_media",
    "CompletionStream": "lingate._io.completion_stream",
    "Credential": "lingate._io.public",
    "EmbeddingResponse": "lingate._views",
    "ImageResponse": "lingate._views_media",
    "Lingate": "lingate._client",
    "LingateError": "lingate.errors",
    "ModelList": "lingate._views",
    "ModerationResponse": "lingate._views_media",
    "Offer": "lingate._io.public",
    "ProviderInfo": "lingate._io.public",
    "ProviderRow": "lingate._model",
    "RerankResponse": "lingate._views_rerank",
    "ResponsesResponse": "lingate._views_responses",
    "ResponsesStream": "lingate._io.responses_stream",
    "RetryPolicy": "lingate._call.policy",
    "SpeechResponse": "lingate._views_media",
    "Timeout": "lingate._call.policy",
    "TokenCount": "lingate._views_media",
    "TranscriptionResponse": "lingate._views_media",
    "achat": "lingate._default",
    "aembed": "lingate._default",
    "arerank": "lingate._default",
    "catalog": "lingate._io.public",
    "chat": "lingate._default",
    "credentials": "lingate._io.public",
    "embed": "lingate._default",
    "errors": "lingate.errors",
    "models": "lingate._default",
    "providers": "lingate._io.public",
    "register": "lingate._io.public",
    "rerank": "lingate._default",
    "types": "lingate.types",
}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604

if not TYPE_CHECKING:

    def __getattr__(name):
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(home)
        value = globals()[name] = module if home == f"{__name__}.{name}" else getattr(module, name)
        return value

    def __dir__():
        return sorted(__all__)
