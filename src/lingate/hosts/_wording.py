"""What an application tells its user about a failed call: sentences of ours, one for each kind of error.

None of them holds a provider's words, an address or a credential. Hosts search error texts for words to tell an overflow
from anything else, so no sentence but the overflow's own speaks of contexts, tokens, prompts or inputs.
"""

from __future__ import annotations

from lingate.errors import LingateError

__all__ = ["OVERFLOW", "sentence"]

OVERFLOW = "The conversation does not fit into the model's context window."

_SENTENCES = {
    "auth": "The provider refused the API key.",
    "bad_request": "The provider refused the request as malformed or not possible for this model.",
    "budget": "A budget that was set for these calls is used up.",
    "concurrency": "There are too many calls at once.",
    "config": "The call is not set up properly.",
    "conflict": "The provider saw a conflicting request.",
    "connect": "The provider could not be reached.",
    "content_filter": "The provider's content policy refused the request.",
    "context_window": OVERFLOW,
    "deadline": "The provider did not answer in time.",
    "missing_credential": "There is no API key for the model's provider.",
    "missing_extra": "A package that this provider needs is not installed.",
    "not_found": "The provider does not have this model.",
    "output_limit": "The provider refused the size of answer that was asked for.",
    "overloaded": "The provider is out of capacity.",
    "payload_too_large": "The request has more bytes than the provider takes.",
    "payment_required": "The provider wants to be paid first.",
    "permission": "The API key may not use this model.",
    "protocol": "The provider sent something that could not be understood.",
    "quota": "The account's credit or quota at the provider is used up.",
    "rate_limit": "The provider rate limited this request.",
    "server_error": "The provider failed.",
    "stream_interrupted": "The answer broke off before its end.",
    "timeout": "The provider did not answer in time.",
    "unknown_provider": "The model's name does not begin with a known provider.",
    "unsupported": "The provider cannot do what was asked for.",
}
_OTHERWISE = "The model could not be asked."


def sentence(error: BaseException) -> str:
    """One or two sentences for a person: what happened, the HTTP status, and how long the provider wants to be left alone.

    Args:
        error: Any exception; those that are not Lingate's have one sentence for all.
    """
    if not isinstance(error, LingateError):
        return _OTHERWISE
    said = _SENTENCES.get(error.kind, _OTHERWISE)
    if error.status is not None and error.status >= 400 and said != OVERFLOW:
        said = f"{said[:-1]} (HTTP {error.status})."
    if error.retry_after is not None and error.retry_after >= 1:
        said = f"{said} It asks to wait {error.retry_after:.0f} seconds."
    return said
