"""An application written for litellm, with one line changed."""

from lingate.compat import litellm

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]

answer = litellm.completion("gpt-4o-mini", MESSAGES, temperature=0.2)
print(answer.choices[0].message.content)
print("cost:", answer._hidden_params["response_cost"])

chunks = list(litellm.completion("claude-sonnet-4-5", MESSAGES, stream=True))
print(litellm.stream_chunk_builder(chunks, messages=MESSAGES)["choices"][0]["message"]["content"])

try:
    litellm.completion("deepseek/deepseek-chat", MESSAGES, num_retries=0)
except litellm.RateLimitError as error:
    print("as before:", error.status_code)
