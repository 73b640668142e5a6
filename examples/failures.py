"""What can go wrong has one class each, whoever answers; and a fallback for when it does."""

import lingate
from lingate import errors

QUESTION = "Is anybody there?"

try:
    lingate.chat("deepseek/deepseek-chat", QUESTION, retries=1, timeout=20)
except errors.RateLimitError as error:
    print("rate limit: wait", error.retry_after, "seconds; tries:", len(error.attempts))
except errors.AuthenticationError as error:
    print("the key is refused:", error)
except errors.TransportError as error:
    print("no complete answer:", error)

answer = lingate.chat("deepseek/deepseek-chat", QUESTION, retries=0, fallbacks=["openai/gpt-4o-mini"])
print("answered by", answer.provider, "after", [attempt.kind for attempt in answer.attempts])
