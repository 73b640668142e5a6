"""A stand-in for deepwiki's chat over HTTP: three chains of providers, and a second try that reads the error's text."""

from contextlib import nullcontext

from api.config import get_model_config  # noqa: F401, used once it is patched

TOO_LONG = ("maximum context length", "token limit", "too many tokens")


def chat(request, prompt, simplified_prompt):
    with nullcontext():
        if request.provider == "dashscope":
            model = None
        else:
            # Initialize Google Generative AI model (default provider)
            raise LookupError(request.provider)

        async def response_stream():
            try:
                if model is None:
                    yield "dashscope"
                else:
                    # Google Generative AI (default provider)
                    raise LookupError(request.provider)
            except Exception as error:
                error_message = str(error)
                if any(phrase in error_message for phrase in TOO_LONG):
                    try:
                        if model is None:
                            yield "dashscope"
                        else:
                            # Google Generative AI fallback (default provider)
                            raise LookupError(request.provider)
                    except Exception:
                        yield "I apologize"
                else:
                    yield f"\nError: {error_message}"

        return response_stream()
