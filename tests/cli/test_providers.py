"""`lingate providers`: the table and its JSON."""

from __future__ import annotations

import json

from lingate._providers import lookup
from tests.cli.driver import KEY, Terminal, lingate


def test_the_table_has_every_provider_and_no_key() -> None:
    done = lingate("providers", OPENAI_API_KEY=KEY)

    for row in lookup.rows():
        assert row.name in done.out
    line = next(line for line in done.out.splitlines() if line.startswith("openai "))
    assert " yes " in line
    assert "OPENAI_API_KEY" in line
    assert KEY not in done.out + done.err
    assert "\x1b" not in done.out
    assert "with a credential" in done.err


def test_a_filter_looks_at_names_titles_and_variables() -> None:
    for search in ("groq", "GROQ_API", "Groq"):
        assert "groq" in lingate("providers", search).out
        assert "anthropic" not in lingate("providers", search).out


def test_nothing_found_is_an_empty_list() -> None:
    assert lingate("providers", "no-such-thing").out == ""
    assert json.loads(lingate("providers", "no-such-thing", "--json").out) == []


def test_json_has_every_field_of_every_provider() -> None:
    found = json.loads(lingate("providers", "--json", ANTHROPIC_API_KEY=KEY).out)
    by_name = {item["name"]: item for item in found}

    assert list(by_name) == sorted(row.name for row in lookup.rows())
    one = by_name["anthropic"]
    assert list(one) == [
        "name", "title", "aliases", "dialect", "operations", "url", "url_variables", "variables", "variable", "required",
        "present", "local", "ended", "note",
    ]  # fmt: skip
    assert one["dialect"] == "anthropic"
    assert one["variables"][0] == one["variable"] == "ANTHROPIC_API_KEY"
    assert (one["present"], one["required"], one["local"], one["ended"]) == (True, True, False, None)
    assert "chat" in one["operations"]
    assert by_name["openai"]["present"] is False
    assert by_name["openai"]["variable"] is None
    assert KEY not in json.dumps(found)


def test_present_shows_only_providers_whose_credential_is_set() -> None:
    found = json.loads(lingate("providers", "--present", "--json", GROQ_API_KEY=KEY, MISTRAL_API_KEY=KEY).out)

    assert {"groq", "mistral"} <= {item["name"] for item in found}
    assert all(item["present"] for item in found)


def test_a_terminal_gets_colours_and_its_own_width() -> None:
    with Terminal("providers", "groq") as terminal:
        code, _ = terminal.end()

    assert code == 0
    assert "groq" in terminal.shown
    assert "\x1b[1m" in terminal.shown
