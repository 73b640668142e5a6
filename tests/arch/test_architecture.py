"""What must stay true of the code as a whole. Lists of exceptions here only ever get shorter."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lingate
from lingate._providers.rows import ROWS

SRC = Path(lingate.__file__).resolve().parent
ROOT = SRC.parent.parent
FILES = sorted(SRC.rglob("*.py"))

# Ordinary words and names of formats that happen to be names of providers too.
_ALSO_WORDS = {
    "meta",
    "custom",
    "local",
    "text",
    "azure",
    "anthropic",
    "ollama",
    "cohere",
    "gemini",
    "proxy",
    "volcengine",
    "sagemaker",
}

PUBLIC = [
    "AsyncChatStream",
    "AsyncCompletionStream",
    "AsyncLingate",
    "AsyncResponsesStream",
    "ChatChunk",
    "ChatResponse",
    "ChatStream",
    "CompletionChunk",
    "CompletionResponse",
    "CompletionStream",
    "Credential",
    "EmbeddingResponse",
    "ImageResponse",
    "Lingate",
    "LingateError",
    "ModelList",
    "ModerationResponse",
    "Offer",
    "ProviderInfo",
    "ProviderRow",
    "RerankResponse",
    "ResponsesResponse",
    "ResponsesStream",
    "RetryPolicy",
    "SpeechResponse",
    "Timeout",
    "TokenCount",
    "TranscriptionResponse",
    "__version__",
    "achat",
    "aembed",
    "arerank",
    "catalog",
    "chat",
    "credentials",
    "embed",
    "errors",
    "models",
    "providers",
    "register",
    "rerank",
    "types",
]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def _is_table(path: Path) -> bool:
    return path.parent.name == "_providers" and path.name.startswith("rows")


def test_the_public_names_are_exactly_these_and_each_of_them_resolves() -> None:
    assert sorted(lingate.__all__) == sorted(PUBLIC)

    for name in PUBLIC:
        assert getattr(lingate, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'completion'"):
        lingate.completion  # noqa: B018


def test_importing_lingate_loads_nothing_but_itself_and_does_nothing() -> None:
    out = _python(
        "import os, sys; env, seen = dict(os.environ), set(sys.modules); import lingate;"
        "print(sorted(name for name in set(sys.modules) - seen)); print(env == dict(os.environ))"
    )

    assert out == "['lingate', 'lingate._version']\nTrue"


def test_a_client_loads_no_optional_package_and_opens_no_socket() -> None:
    optional = ["genai_prices", "httpx2", "typer", "rich", "h11", "yaml", "pydantic", "openai", "anthropic"]

    loaded = _python(
        "import sys, socket\n"
        "def refuse(*a, **k): raise SystemExit('a socket was made')\n"
        "socket.socket.__init__ = refuse\n"
        "import lingate; lingate.Lingate(); lingate.AsyncLingate()\n"
        f"print([name for name in {optional!r} if name in sys.modules])"
    )

    assert loaded == "[]"


def test_every_module_can_be_the_first_that_is_imported() -> None:
    # Which one is depends on whom a program calls first; the tests of one process never see a circle of imports.
    # What stands in an application imports that; migrations are alembic's to load.
    names = [".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
    left = re.compile(r"__main__|\bmigrations\b|\bhosts\.")

    failed = _python(
        "import importlib, sys\n"
        f"for name in {' '.join(name for name in names if not left.search(name))!r}.split():\n"
        "    for known in [known for known in sys.modules if known.partition('.')[0] == 'lingate']:\n"
        "        del sys.modules[known]\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError as error:\n"
        "        print(name, error)\n"
    )

    assert failed == ""


def test_the_base_install_needs_two_packages_and_every_extra_is_declared() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert sorted(re.split(r"[<>=~]", name)[0] for name in project["dependencies"]) == ["msgspec", "pyreqwest"]


def _third_party() -> Iterator[tuple[Path, str]]:
    own = {"lingate", "__future__"} | set(sys.stdlib_module_names)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in own:
                    yield path, top


def test_each_third_party_package_is_imported_only_where_it_belongs_and_is_declared() -> None:
    homes = {
        "msgspec": {"_wire/", "_model.py", "_call/", "_io/config.py", "server/"},
        "pyreqwest": {"_io/via_pyreqwest"},
        "httpx2": {"_io/via_httpx2.py"},
        "yaml": {"_io/config.py", "server/config/"},
        "botocore": {"_auth/"},
        # The litellm engine and the litellm drop-in: optional, imported inside functions or behind a guard.
        "litellm": {"_io/via_litellm"},
        "httpx": {"_io/via_litellm", "compat/litellm/exceptions.py", "hosts/_vui_"},
        "google": {"_auth/"},
        "requests": {"_auth/"},
        "azure": {"_auth/"},
        "genai_prices": {"_providers/catalog.py"},
        "h11": {"simulator/"},
        "typer": {"cli/"},
        "rich": {"cli/"},
        "prompt_toolkit": {"cli/"},
        "textual": {"cli/picker/"},
        # So that its `except` clauses catch ours, if it is installed; and fast-agent wants its types.
        "openai": {
            "compat/litellm/exceptions.py",
            "hosts/fast_agent/",
            "hosts/_fast_agent_check.py",
            "cli/demo_gateway.py",
        },
        "anthropic": {"cli/demo_gateway.py"},
        "fast_agent": {"hosts/fast_agent/provider.py", "hosts/_fast_agent_check.py"},
        "pydantic": {"hosts/_fast_agent_check.py"},
        "vui": {"hosts/_vui_"},
        "adalflow": {"hosts/_deepwiki_client.py"},
        "starlette": {"server/admin/"},
        "sqlalchemy": {"server/access/edits.py", "server/store/", "server/ledger/"},
        "alembic": {"server/store/"},
        "redis": {
            "server/access/redis_link.py",
            "server/access/redis_limiter.py",
            "server/cache/remote.py",
        },
        "jwt": {"server/access/oidc.py"},
        "prometheus_client": {"server/exposition.py"},
        "opentelemetry": {"server/tracing.py"},
        "granian": {"server/launch.py"},
        "uvloop": {"server/launch.py"},
        "httptools": {"_io/via_loop.py"},
        "aiohappyeyeballs": {"_io/via_loop.py"},
        "click": set(),
    }
    declared = (ROOT / "pyproject.toml").read_text().lower().replace("_", "-")

    strays = [
        f"{path.relative_to(SRC)} imports {name}"
        for path, name in _third_party()
        if not any(str(path.relative_to(SRC)).startswith(home) for home in homes.get(name, ()))
    ]

    assert strays == []
    for name in homes:
        package = {"yaml": "pyyaml", "click": "typer", "google": "google-auth", "azure": "azure-identity"}.get(name)
        assert (package or name.replace("_", "-")) in declared, name


def _string_literals(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_no_file_but_the_table_compares_or_names_a_provider() -> None:
    names = {row.name for row in ROWS} - _ALSO_WORDS

    found = [
        f"{path.relative_to(SRC)}:{line}: {text}"
        for path in FILES
        if not _is_table(path) and path.parent.name != "cli" and path.name != "demo.py"
        for line, text in _string_literals(path)
        if text in names
    ]

    assert found == []


def test_the_environment_clocks_and_randomness_are_read_in_one_place() -> None:
    inner = [
        path
        for path in FILES
        if path.relative_to(SRC).parts[0] in {"_wire", "_dialects", "_providers", "_call", "_endpoints"}
    ]

    found = [
        f"{path.relative_to(SRC)}: {match}"
        for path in inner
        for match in re.findall(
            r"os\.environ|os\.getenv|time\.monotonic\(|time\.sleep|import socket|import asyncio|import threading",
            path.read_text(),
        )
    ]

    assert found == []


def test_no_file_has_grown_into_two_things() -> None:
    long = {
        str(path.relative_to(SRC)): count
        for path in FILES
        if not _is_table(path) and (count := len(path.read_text().splitlines())) > 500
    }

    # The record types and the views are lists of small classes that belong together.
    assert set(long) <= {"_model.py", "_views.py"}


def test_functions_fit_on_a_screen() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                # The signature of a command is the list of its options; what must fit is what is done.
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                size = (node.end_lineno or 0) - first.lineno + 1
                if size > 50:
                    long.append(f"{path.relative_to(SRC)}:{node.name} {size}")

    assert long == []


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{path.relative_to(SRC)}: {match}"
        for path in FILES
        for match in re.findall(r"(?:raise|return) NotImplementedError|TODO|FIXME|XXX", path.read_text())
    ]

    assert found == []


def test_public_names_have_docstrings() -> None:
    public = [
        "errors.py",
        "types.py",
        "testing.py",
        "_views.py",
        "_views_responses.py",
        "_io/streaming.py",
        "_io/responses_stream.py",
        "_views_media.py",
        "_io/completion_stream.py",
        "_client.py",
        "_io/chat_stream.py",
        "_io/config.py",
        "_default.py",
        "compat/litellm/_calls.py",
        "compat/litellm/_callbacks.py",
        "compat/litellm/_records.py",
        "compat/litellm/exceptions.py",
    ]
    missing = []
    for name in public:
        tree = ast.parse((SRC / name).read_text())
        inside_private = {
            id(inner)
            for outer in ast.walk(tree)
            if isinstance(outer, ast.ClassDef) and outer.name.startswith("_")
            for inner in ast.walk(outer)
        }
        for node in ast.walk(tree):
            if id(node) in inside_private:
                continue
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith(
                "_"
            ):
                overload = any(isinstance(item, ast.Name) and item.id == "overload" for item in node.decorator_list)
                if not overload and ast.get_docstring(node) is None:
                    missing.append(f"{name}:{node.name}")

    assert missing == []


def test_sync_and_async_have_the_same_methods_and_parameters() -> None:
    import inspect

    def surface(cls: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_")
        }

    blocking, awaited = surface(lingate.Lingate), surface(lingate.AsyncLingate)
    awaited["close"] = awaited.pop("aclose")

    assert blocking == awaited
