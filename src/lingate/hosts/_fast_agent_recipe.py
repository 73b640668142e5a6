# How fast-agent gets Lingate: overlays for a gateway, or a provider of its own in a checkout or an installed package.

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import lingate
from lingate.hosts._recipe import Added, Edit, Marker, Recipe, Variable
from lingate.hosts._shared import LONGEST_ANSWER, WINDOW
from lingate.hosts.fast_agent.catalog import alias_of, mime_types

_MARK = "Made by `lingate hosts install fast-agent`"

# What the files of `_EDITS` are, in their order, in each version that this was tried with.
_VERSIONS = {
    "610a2f5, 2026-08-18 (0.10.9)": (
        "759ada5bbc565915 fdb60ba620005664 b4ebe43264bfedc7 b8b1b95fe27eaf7c "
        "590665ba71657969 6e9df14f88b16ecf de053daab85dc556"
    ),
    "0.10.48": (
        "be119621d234c051 4b1a02212a107aa1 d4bbff05fbb139c7 d07637b41be2cf1d "
        "590665ba71657969 12ecc3241184a72f 79e565132a5e0ead"
    ),
}


def _home(env: Mapping[str, str]) -> Path:
    # fast-agent's home: `FAST_AGENT_HOME`, else `.fast-agent` here.
    return Path(env.get("FAST_AGENT_HOME") or ".fast-agent")


def _overlay(model: str, context: int | None, inputs: tuple[str, ...]) -> Added:
    alias = alias_of(model)
    window = context or WINDOW
    lines = [
        f"# {_MARK}; `lingate hosts uninstall fast-agent` removes it.",
        f"name: {json.dumps(alias)}",
        "provider: generic",
        f"model: {json.dumps(model)}",
        "connection:",
        "  base_url: {{url}}",
        "  api_key_env: {{key_env}}",
        "  reasoning_field: reasoning_effort",
        "metadata:",
        # fast-agent asks for both limits or believes neither; it sends neither to a gateway.
        f"  context_window: {window}",
        f"  max_output_tokens: {min(window, LONGEST_ANSWER)}",
        f"  tokenizes: {json.dumps(list(mime_types(inputs or ('text', 'image'))))}",
        "  json_mode: schema",
        "picker:",
        f"  label: {json.dumps(model.rpartition('/')[2])}",
        f"  description: {json.dumps(model.partition('/')[0] + ' through Lingate')}",
    ]
    return Added(f"model-overlays/{alias}.yaml", "\n".join(lines) + "\n", mark=_MARK)


def _overlays() -> tuple[Added, ...]:
    made = {alias_of(offer.model): offer for offer in lingate.catalog("curated")}
    return tuple(_overlay(offer.model, offer.context, offer.inputs) for offer in made.values())


_LINGATE_ENTRIES = """\
def _lingate_entries() -> tuple[CatalogModelEntry, ...]:
    try:
        from lingate.hosts.fast_agent.catalog import curated
    except ImportError:
        return ()
    return tuple(
        CatalogModelEntry(alias=entry.alias, model=entry.spec, display_label=entry.label)
        for entry in curated()
    )


"""
_LINGATE_MODELS = '''\
class LingateModelCatalogAdapter:
    """Every model that Lingate knows of, without asking the network."""

    provider = Provider.LINGATE

    def discover(self, config: dict[str, Any]) -> ProviderModelInventory:  # noqa: ARG002
        try:
            from lingate.hosts.fast_agent.catalog import every_spec
        except ImportError:
            return ProviderModelInventory()
        return ProviderModelInventory(current_models=every_spec(), all_models=every_spec())


'''
_LINGATE_ACTIVE = """\
    if provider == Provider.LINGATE:
        from importlib.util import find_spec

        return ProviderCredentialSummary(active=find_spec("lingate") is not None)

"""
_LINGATE_ALL = """\
    if provider == Provider.LINGATE:
        try:
            from lingate.hosts.fast_agent.catalog import further_specs
        except ImportError:
            return entry_options
        shown = [option.spec for option in entry_options]
        return entry_options + [ModelOption(spec=spec, label=spec) for spec in further_specs(shown)]

"""
_LINGATE_MARKS = """\
def _lingate_backing_missing(spec: str, config_payload: dict[str, object]) -> bool:
    try:
        from lingate.hosts.fast_agent.catalog import backing_present
    except ImportError:
        return False
    return backing_present(spec, config_payload) is False


"""
_VERTEX_KEYLESS = 'API_KEYLESS_PROVIDERS: frozenset[str] = frozenset({"anthropic-vertex"})\n'
_OPENROUTER = "        Provider.OPENROUTER: OpenRouterModelCatalogAdapter(),\n"
_OPENAI_CLASS = '    Provider.OPENAI: ("fast_agent.llm.provider.openai.llm_openai", "OpenAILLM"),\n'
_SUMMARY = '    """Return whether a provider is usable and a short credential source label."""\n'
_IDENTITIES = "    seen_identities: set[tuple[Provider, str]] = set()\n"
_AVAILABLE = "                provider_available=provider_available,\n"
_ENTRIES = "    CATALOG_ENTRIES_BY_PROVIDER: ClassVar[dict[Provider, tuple[CatalogModelEntry, ...]]] = {\n"
_CATALOG = "class ModelSelectionCatalog:\n"
_REGISTRY = "class ProviderModelCatalogRegistry:\n"
_PICKER = "class _SplitListPicker:\n"
_ORDER = "PICKER_PROVIDER_ORDER: tuple[Provider, ...] = (\n"
_BEDROCK = '    BEDROCK = ("bedrock", "Bedrock")\n'


_EDITS = (
    ("llm/provider_types.py", _BEDROCK, _BEDROCK + '    LINGATE = ("lingate", "Lingate")\n'),
    (
        "llm/model_factory.py",
        _OPENAI_CLASS,
        _OPENAI_CLASS + '    Provider.LINGATE: ("lingate.hosts.fast_agent.provider", "LingateLLM"),\n',
    ),
    (
        "llm/provider_key_manager.py",
        _VERTEX_KEYLESS,
        'API_KEYLESS_PROVIDERS: frozenset[str] = frozenset({"anthropic-vertex", "lingate"})\n',
    ),
    ("llm/model_selection.py", _CATALOG, _LINGATE_ENTRIES + _CATALOG),
    ("llm/model_selection.py", _ENTRIES, _ENTRIES + "        Provider.LINGATE: _lingate_entries(),\n"),
    ("llm/provider_model_catalog.py", _REGISTRY, _LINGATE_MODELS + _REGISTRY),
    (
        "llm/provider_model_catalog.py",
        _OPENROUTER,
        _OPENROUTER + "        Provider.LINGATE: LingateModelCatalogAdapter(),\n",
    ),
    ("ui/model_picker_common.py", _ORDER, _ORDER + "    Provider.LINGATE,\n"),
    ("ui/model_picker_common.py", _SUMMARY, _SUMMARY + _LINGATE_ACTIVE),
    ("ui/model_picker_common.py", _IDENTITIES, _LINGATE_ALL + _IDENTITIES),
    ("ui/model_picker.py", _PICKER, _LINGATE_MARKS + _PICKER),
    (
        "ui/model_picker.py",
        _AVAILABLE,
        "                provider_available=provider_available\n"
        "                and not _lingate_backing_missing(model.spec, self.snapshot.config_payload),\n",
    ),
)
_PACKAGING = (
    Edit(
        "pyproject.toml",
        "[project.optional-dependencies]\n",
        "[project.optional-dependencies]\n# For every provider through Lingate, in this process or through a gateway\n"
        'lingate = [\n    "lingate",\n]\n',
    ),
    Edit("pyproject.toml", "all-providers = [\n", 'all-providers = [\n    "lingate",\n'),
)
_SETTINGS = (
    Variable(
        "LINGATE_API_KEY", "key of the gateway that `lingate.api_base` names in fast-agent.yaml; sent nowhere else"
    ),
    Variable("LINGATE_CONFIG", "a configuration of Lingate's own"),
)


def _provider(route: str, root: str, where: str, packaging: tuple[Edit, ...]) -> Recipe:
    edits = tuple(Edit(f"{root}fast_agent/{file}", anchor, text) for file, anchor, text in _EDITS)
    files = tuple(dict.fromkeys(edit.file for edit in edits))
    return Recipe(
        host="fast_agent",
        route=route,
        title="fast-agent",
        summary=f"a provider `lingate` with its own row in the picker, in {where}",
        about=(
            "A dozen small edits make Lingate a provider of fast-agent's: fast-agent go --model "
            "lingate.anthropic/claude-sonnet-4-6, and a row `Lingate` at the top of the model picker, with a few "
            "models of each of the best known providers, all of them after `c`, and a mark for each whose "
            "credential is there. The provider's code stays in the lingate package (pip install lingate in "
            "fast-agent's Python); without it there is no row and everything else is as before.\n\n"
            "Credentials come from the environment's usual variables, then from the providers' sections of "
            "fast-agent.yaml. A section `lingate` may hold api_base and api_key (a gateway for every call), "
            "default_model, drop_params, extra_kwargs and default_headers."
        ),
        undo="Every edit is taken back exactly.",
        markers=(Marker(f"{root}fast_agent/llm/provider_types.py", contains="class Provider(Enum)"),),
        known={version: dict(zip(files, values.split(), strict=True)) for version, values in _VERSIONS.items()},
        edits=edits + packaging,
        variables=_SETTINGS,
        check="lingate.hosts._fast_agent_check:check_provider",
    )


RECIPES = (
    Recipe(
        host="fast_agent",
        route="overlays",
        title="fast-agent",
        summary="models of a Lingate gateway in fast-agent's model picker; nothing of fast-agent is changed",
        about=(
            "One overlay for each of the usual models is put into fast-agent's home (FAST_AGENT_HOME, else "
            "./.fast-agent; --path names another). They are the first group of the model picker, and "
            "fast-agent go --model lingate-openai-gpt-6.1-sol asks the gateway for one.\n\n"
            "Start the gateway first (lingate serve). --set url=... says where it listens; --set "
            "key_env=LINGATE_API_KEY makes fast-agent send the key in that variable, which must then be set.\n\n"
            "Without a gateway: python -m lingate.hosts.fast_agent go --model lingate/anthropic/claude-sonnet-4-6"
        ),
        undo="The overlays are deleted. Yours are recognised and left alone.",
        markers=(),
        added=_overlays(),
        variables=(
            Variable("url", "the gateway's OpenAI address", default="http://127.0.0.1:4000/v1", fills=True),
            Variable("key_env", "environment variable with the gateway's key; null: it wants none", "null", fills=True),
        ),
        check="lingate.hosts._fast_agent_check:check_overlays",
        locate=_home,
    ),
    _provider("provider", "src/", "a checkout", _PACKAGING),
    _provider("installed", "", "an installed package (--path .../site-packages)", ()),
)
