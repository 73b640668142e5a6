# THE TABLE, continued: what has no row of ours and goes through the litellm package, if that is installed.

# Data only.
#
# Rows of ours win over these. The package is asked by the name of the row; what it needs beside a key it reads from the
# process's environment itself. A provider that is not here and that the installed package knows has `LITELLM` for a row.

from __future__ import annotations

from lingate._model import ProviderRow

LITELLM = ProviderRow(
    "custom",
    dialect="litellm",
    url="litellm:",  # no address: the package has its own
    auth="none",
    operations=("chat", "embeddings"),
    source="litellm",
)
"""What such a row begins with. Any provider gets there by `dialect`: the package must then know it by that name."""


def _through(
    name: str, title: str, *key_env: str, note: str = "", operations: tuple[str, ...] = ("chat",)
) -> ProviderRow:
    return ProviderRow(
        name,
        title,
        LITELLM.url,
        key_env,
        dialect=LITELLM.dialect,
        auth=LITELLM.auth,
        operations=operations,  # type: ignore[arg-type]
        note=note,
        source=LITELLM.source,
    )


BORROWED = (
    _through("anthropic_text", "Anthropic (text completions)", "ANTHROPIC_API_KEY", note="Claude 2 and older."),
    _through(
        "azure_text",
        "Azure OpenAI (completions)",
        "AZURE_OPENAI_API_KEY",
        "AZURE_API_KEY",
        note="Needs AZURE_API_BASE and AZURE_API_VERSION.",
    ),
    _through(
        "chatgpt",
        "ChatGPT subscription",
        note="Signs in with a personal subscription, by a code that litellm prints; check its terms.",
    ),
    _through("petals", "Petals", note="Needs api_base."),
    _through("text-completion-codestral", "Mistral Codestral (completions)", "CODESTRAL_API_KEY"),
    _through("text-completion-inception", "Inception Labs (completions)", "INCEPTION_API_KEY"),
    _through("text-completion-openai", "OpenAI (completions)", "OPENAI_API_KEY"),
    _through(
        "triton",
        "NVIDIA Triton",
        operations=("chat", "embeddings"),
        note="api_base is the whole address of a model, up to /generate or /infer.",
    ),
    _through(
        "watsonx_text",
        "IBM watsonx.ai (text generation)",
        "WATSONX_APIKEY",
        "WATSONX_API_KEY",
        "WX_API_KEY",
        note="Needs WATSONX_URL and WATSONX_PROJECT_ID.",
    ),
)
