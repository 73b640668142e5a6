# The tables of InvokeModel, where each model has the body format of its maker's. No logic beyond look-ups.

# Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html, botocore's model of bedrock-runtime
# (1.44), LiteLLM 1.109 and recorded traffic.

from __future__ import annotations

import re

from lingate._model import Target

NAME = "bedrock_invoke"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

ANTHROPIC_VERSION = "bedrock-2023-05-31"

OWN = "amazon-bedrock-"
"""How fields begin that Bedrock adds to a model's own answer."""

METRICS = "amazon-bedrock-invocationMetrics"
"""Field that Bedrock adds to the last event of every stream."""

GUARDRAIL = "amazon-bedrock-guardrailAction"

# The first that is found in the model's name counts.
_FORMATS = (
    ("anthropic", re.compile(r"claude|anthropic")),
    ("nova", re.compile(r"\bnova\b")),
    ("titan", re.compile(r"titan")),
    (
        "openai_chat",
        re.compile(
            r"gpt-|jamba|qwen|mistral-(?:large-2407|large-3|small(?!-2402))|ministral|magistral|pixtral|kimi|minimax|glm|palmyra"
            r"|gemma|nemotron|deepseek\.v3"
        ),
    ),
    ("deepseek_r1", re.compile(r"deep-?seek")),
    ("llama", re.compile(r"llama|\bmeta\.")),
    ("command_r", re.compile(r"command-r")),
    ("cohere", re.compile(r"cohere|command")),
    ("mistral_text", re.compile(r"mistral|mixtral")),
    ("jurassic", re.compile(r"ai21|\bj2-")),
)


def format_of(target: Target) -> str:
    # Which body the target's model takes; empty where neither the trait nor the name tells.
    told = target.traits.get("body_format")
    if told:
        return told
    name = target.model.lower()
    return next((word for word, pattern in _FORMATS if pattern.search(name)), "")
