# How deepwiki-open is given Lingate. Pure data: neither deepwiki nor adalflow is imported.

from __future__ import annotations

import json
from textwrap import indent
from typing import Any

from lingate.hosts._recipe import Edit, Marker, Recipe, Variable

PROVIDER_ENTRY: dict[str, Any] = {
    "client_class": "LingateClient",
    # deepwiki's own default, by the key that it asks for anyway. Has to be one of `models`: deepwiki takes the
    # parameters of every other model from this entry (config.py, get_model_config).
    "default_model": "gemini/gemini-2.5-flash",
    "supportsCustomModel": True,
    # No top_p beside the temperature: some models refuse the two together.
    "models": {
        "gemini/gemini-2.5-flash": {"temperature": 0.7},
        "anthropic/claude-sonnet-4-6": {"temperature": 0.7},
        "openai/gpt-4.1-mini": {"temperature": 0.7},
        "mistral/mistral-small-latest": {"temperature": 0.7},
        "groq/llama-3.3-70b-versatile": {"temperature": 0.7},
        "deepseek/deepseek-chat": {"temperature": 0.7},
        "ollama/llama3.2": {"temperature": 0.7},
    },
}
"""The provider in `generator.json`. Any other `provider/model` is typed into the box for custom models."""

EMBEDDER: dict[str, Any] = {
    "client_class": "LingateClient",
    "batch_size": 100,
    "model_kwargs": {"model": "openai/text-embedding-3-small", "dimensions": 256, "encoding_format": "float"},
}
"""The embedder in `embedder.json`."""


def samples() -> dict[str, str]:
    # The two files whole, for a folder of one's own that `DEEPWIKI_CONFIG_DIR` names, beside repo.json and lang.json.
    generator = {"default_provider": "lingate", "providers": {"lingate": PROVIDER_ENTRY}}
    embedder = {
        "embedder": EMBEDDER,
        "retriever": {"top_k": 20},
        "text_splitter": {"split_by": "word", "chunk_size": 350, "chunk_overlap": 100},
    }
    return {
        name: json.dumps(value, indent=2) + "\n"
        for name, value in {"generator.json": generator, "embedder.json": embedder}.items()
    }


def _block(name: str, value: dict[str, Any], deep: int) -> str:
    # A JSON member as it stands in a file that is indented by two spaces.
    return indent(f"{json.dumps(name)}: {json.dumps(value, indent=2)}", " " * deep)


_CLIENTS = '    "DashscopeClient": DashscopeClient\n}\n'
_CLIENT = """
try:
    from lingate.hosts.deepwiki import LingateClient
except ImportError:
    logger.warning("Provider 'lingate' is not available: pip install lingate")
else:
    CLIENT_CLASSES["LingateClient"] = LingateClient
"""
_RESULT = '    result = {\n        "model_client": model_client,\n'
_RESULT_ARGUMENTS = '        "initialize_kwargs": provider_config.get("initialize_kwargs", {}),\n'
_RAG = 'model_client=generator_config["model_client"](),'
_RAG_ARGUMENTS = 'model_client=generator_config["model_client"](**generator_config.get("initialize_kwargs", {})),'

_MAKE = """\
elif hasattr(get_model_config(request.provider, request.model)["model_client"], "stream_text"):
    own_config = get_model_config(request.provider, request.model)
    model = own_config["model_client"](**own_config["initialize_kwargs"])
    model_kwargs = own_config["model_kwargs"]
"""
# Nothing is caught: what these raise has to reach the handler that asks again without context.
_ANSWER = """\
elif hasattr(model, "stream_text"):
    async for text in model.stream_text({prompt}, model_kwargs):
        {send}
"""
_CLOSE = "    await websocket.close()\n"


def _before(file: str, deep: int, comment: str, branch: str) -> Edit:
    # A branch before the last one of a chain, which is known by its comment.
    anchor = indent(f"else:\n    # {comment}\n", " " * deep)
    return Edit(file, anchor, indent(branch, " " * deep) + anchor)


def _chat(file: str, deep: int, send: str, made: str, close: str) -> tuple[Edit, ...]:
    # The three chains of one file: the client is made, it answers, it answers again without context.
    answer = _ANSWER.format(prompt="prompt", send=send) + close
    again = _ANSWER.format(prompt="simplified_prompt", send=send) + close
    return (
        _before(file, 8, made, _MAKE),
        _before(file, deep, "Google Generative AI (default provider)", answer),
        _before(file, deep + 8, "Google Generative AI fallback (default provider)", again),
    )


_MARKERS = (
    Marker("api/config.py", contains="CLIENT_CLASSES"),
    Marker("api/simple_chat.py"),
    Marker("api/websocket_wiki.py"),
    Marker("api/config/generator.json", contains='"providers"'),
)

_CHAT = Recipe(
    host="deepwiki",
    route="chat",
    title="deepwiki-open",
    summary="provider `lingate` in the user interface: any provider/model, over HTTP and WebSocket",
    about="""\
Adds the provider "lingate" to generator.json, makes its client known in config.py, and adds a branch to each chain
of providers in simple_chat.py and websocket_wiki.py. The branch asks the client for text and catches nothing, so that
deepwiki's own second try without context happens when a prompt is too long. `initialize_kwargs` of a provider
({"api_key": "${MY_KEY}", "base_url": "http://gateway:4000/v1"}) reach the client's constructor.

Afterwards: pip install lingate in deepwiki's environment, set the keys of the providers you use, start deepwiki as
always, choose "Lingate" as the provider and type any provider/model as the custom model.

Without changing anything: OPENAI_BASE_URL=http://gateway:4000/v1 and the provider "openai" with a Lingate gateway.""",
    undo="the branches and the entries are taken out; the files are then what they were, byte for byte.",
    markers=_MARKERS,
    known={
        "04e7c13, 2026-05-15": {
            "api/config.py": "a4cf908cd6d5dd96",
            "api/rag.py": "ad134dd0659004da",
            "api/simple_chat.py": "2198c164324c0e77",
            "api/websocket_wiki.py": "01ce69ea4dbe2d48",
            "api/config/generator.json": "d494a5e0b6afac98",
        }
    },
    edits=(
        Edit("api/config.py", _CLIENTS, _CLIENTS + _CLIENT),
        Edit("api/config.py", _RESULT, _RESULT + _RESULT_ARGUMENTS),
        Edit("api/rag.py", _RAG, _RAG_ARGUMENTS),
        Edit(
            "api/config/generator.json",
            '  "providers": {\n',
            '  "providers": {\n' + _block("lingate", PROVIDER_ENTRY, 4) + ",\n",
        ),
        *_chat("api/simple_chat.py", 16, "yield text", "Initialize Google Generative AI model (default provider)", ""),
        *_chat(
            "api/websocket_wiki.py",
            12,
            "await websocket.send_text(text)",
            "Initialize Google Generative AI model",
            _CLOSE,
        ),
    ),
    variables=(
        Variable(
            "GOOGLE_API_KEY, ANTHROPIC_API_KEY, ...", "keys of the providers that are used; see `lingate providers`"
        ),
        Variable("LINGATE_CONFIG", "path of a config file, for fallbacks and providers of your own", default=""),
    ),
    check="lingate.hosts._deepwiki_check:check",
)

_EMBEDDER = Recipe(
    host="deepwiki",
    route="embedder",
    title="deepwiki-open",
    summary="embeddings by any provider; after the route `chat`",
    about="""\
Makes Lingate's client the embedder of embedder.json, for the default DEEPWIKI_EMBEDDER_TYPE. Choose the model there:
vectors of different models cannot be compared, so delete ~/.adalflow/databases after a change.""",
    undo="embedder.json gets its entry back.",
    markers=(*_MARKERS, Marker("api/config/embedder.json", contains='"embedder"')),
    known={"04e7c13, 2026-05-15": {"api/config/embedder.json": "b73b52e2f0e2f6a8"}},
    edits=(
        Edit(
            "api/config/embedder.json",
            '    "client_class": "OpenAIClient",\n',
            '    "client_class": "LingateClient",\n',
        ),
        Edit(
            "api/config/embedder.json",
            '      "model": "text-embedding-3-small",\n',
            f'      "model": "{EMBEDDER["model_kwargs"]["model"]}",\n',
        ),
    ),
    variables=(Variable("OPENAI_API_KEY", "or the key of the provider that you name in embedder.json"),),
    check="lingate.hosts._deepwiki_check:check",
)

RECIPES = (_CHAT, _EMBEDDER)
