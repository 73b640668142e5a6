"""What the documentation says is so: generated pages are current, links lead somewhere, the README's code runs."""

from __future__ import annotations

import importlib.util
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingate._providers.rows import ROWS
from lingate.server.config import check
from lingate.server.faces import paths
from lingate.simulator import Simulator

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("lingate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_what_make_docs_would_write() -> None:
    for name, page in generator().PAGES.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), (
            f"run `make docs`: docs/{name} is out of date"
        )


def test_what_is_packed_for_the_package_is_what_is_written() -> None:
    server = ROOT / "src" / "lingate" / "server"
    keys = zlib.decompress((server / "config" / "litellm_keys.z").read_bytes())
    pages = json.loads(zlib.decompress((server / "ui" / "pages.z").read_bytes()))

    assert keys == (ROOT / "docs" / "litellm_keys.txt").read_bytes(), "run `make docs`"
    assert pages == {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "ui").iterdir()}, "run `make docs`"


def test_every_provider_of_litellm_s_has_a_line_that_says_what_it_leads_to(shared: Path) -> None:
    entries = json.loads((shared / "providers.json").read_text(encoding="utf-8"))
    theirs = [item["id"] for item in entries if "not a LiteLLM prefix" not in (item["quirks"] or [""])[0]]
    page = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")

    lines = re.findall(r"^\| `([^`]+)` \|[^|]*\| (?:native|via litellm|ended|missing)[:.] ?", page, re.MULTILINE)

    assert len(theirs) > 100
    assert set(theirs) <= set(lines)
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model whose answers are made here, at every provider that examples name."""
    with Simulator() as simulator:
        for name in ("ANTHROPIC", "COHERE", "OPENAI", "GROQ", "MISTRAL", "DEEPSEEK"):
            monkeypatch.setenv(f"{name}_API_KEY", "test-key")
            monkeypatch.setenv(f"{name}_API_BASE", simulator.url)
        yield


def code_of(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.usefixtures("simulated")
def test_the_readmes_thirty_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    code = code_of(ROOT / "README.md")[0]
    assert len(code.splitlines()) <= 30

    exec(compile(code, "README.md", "exec"), {})

    out = capsys.readouterr().out
    assert "Why is the sky blue?" in out
    assert "Tell me more." in out
    assert "rain, 7" in out


@pytest.mark.usefixtures("simulated")
def test_the_page_on_calls_runs_from_its_beginning_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    code = code_of(ROOT / "docs" / "calls.md")

    exec(compile("".join(code), "calls.md", "exec"), {"__name__": "calls"})

    out = capsys.readouterr().out
    assert len(code) > 10
    for said in (
        "And at sunset?",
        "Tell me a story.",
        "Tell me another.",
        "The tool weather answered",
        "1x1 pixels",
        "Hello",
    ):
        assert said in out


def test_the_readme_counts_the_providers() -> None:
    told = re.search(r"^\| providers \| (\d+),", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert told is not None
    assert int(told[1]) == len(ROWS)


def measured(bar: str) -> float:
    """A figure of the last benchmark that was run."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| {re.escape(bar)} +\|[^|]+\| +([\d.]+)", results, re.MULTILINE)
    assert found is not None, bar
    return float(found[1])


def test_the_readmes_figures_are_those_of_the_last_benchmark() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## ")[0]

    for words, bar, least, most in (
        ("Three packages", "base install, distributions", 3, 3),
        ("less than a millisecond", "import, above bare python", 0, 1),
        ("more than 45 times less CPU", "CPU a request: LiteLLM proxy / Lingate", 45, 200),
        ("less than half a second", "start to the first 200", 0, 0.5),
        ("more than thirty times less", "call, async x20: LiteLLM / Lingate", 30, 60),
    ):
        assert words in readme
        assert least <= measured(bar) <= most, f"README.md says {words!r}, RESULTS.md has {measured(bar)} for {bar!r}"


def anchors(page: Path) -> set[str]:
    """What headings are called in links, as GitHub makes it of them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)] == []


def test_the_readmes_configuration_can_be_used(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    (tmp_path / "gateway.yaml").write_text(text[1])
    keys = {f"{name}_API_KEY": "k" for name in ("OPENAI", "GROQ", "ANTHROPIC")}

    report = check(str(tmp_path / "gateway.yaml"), {**keys, "LINGATE_MASTER_KEY": "sk-" + "m" * 40})

    assert report.ok
    assert "3 of 3 deployments are ready" in "\n".join(report.lines())
    assert "warning" not in "\n".join(report.lines())


def test_the_page_on_the_gateway_names_every_path_and_every_header() -> None:
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/lingate/server").glob("*.py"))
    headers = set(re.findall(r'"(x-(?:lingate|litellm)-[a-z-]+)"', code))

    assert [path for path in paths() if re.split("[/:]", path)[-1] not in page] == []
    assert len(headers) > 10
    assert [name for name in sorted(headers) if not _is_named(name, page)] == []


def _is_named(header: str, page: str) -> bool:
    # Where LiteLLM's name differs by its prefix only, the page may say so in short.
    return header in page or (header.startswith("x-litellm-") and header.replace("litellm", "lingate") in page)


def test_the_index_of_the_documentation_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]

    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_nothing_names_a_machine_or_a_workplace() -> None:
    texts = [
        path
        for pattern in ("*.md", "src/**/*.py", "tests/**/*.py", "docs/*.md", "Makefile")
        for path in ROOT.glob(pattern)
    ]

    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in texts
        for match in re.findall(r"(?:^|[^A-Za-z0-9_.])(/(?:root|work)/[^\s\"']*)", path.read_text(encoding="utf-8"))
    ]

    assert found == []
