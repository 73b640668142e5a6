"""A stand-in for deepwiki's chat over WebSocket."""

from api.config import get_model_config  # noqa: F401, used once it is patched
from api.simple_chat import TOO_LONG


async def chat(websocket, request, prompt, simplified_prompt):
    try:
        if request.provider == "dashscope":
            model = None
        else:
            # Initialize Google Generative AI model
            raise LookupError(request.provider)

        try:
            if model is None:
                await websocket.close()
            else:
                # Google Generative AI (default provider)
                raise LookupError(request.provider)
        except Exception as error:
            error_message = str(error)
            if any(phrase in error_message for phrase in TOO_LONG):
                try:
                    if model is None:
                        await websocket.close()
                    else:
                        # Google Generative AI fallback (default provider)
                        raise LookupError(request.provider)
                except Exception:
                    await websocket.send_text("I apologize")
                    await websocket.close()
            else:
                await websocket.send_text(f"\nError: {error_message}")
                await websocket.close()
    except LookupError:
        await websocket.close()
