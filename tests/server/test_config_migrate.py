"""What becomes of a configuration of LiteLLM's: the report, and the file without what has no effect."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.cli.app import run
from lingate.errors import ConfigError
from lingate.server.config import cleaned, load, migrate
from lingate.server.config.migrating import pruned

LITELLM = """\
# our gateway
model_list:
  - model_name: gpt   # the group
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/KEY_A
      itpm: 10      # gone
      # about rpm
      rpm: 60
    model_info: {access_windows: [], id: x}
  - model_name: two
    litellm_params: {itpm: 3, model: openai/gpt-4o, otpm: 1}
litellm_settings:
  # callbacks
  success_callback: ["langfuse", "prometheus"]
  failure_callback:
    - sentry
    - otel   # stays
  callbacks:
    - langfuse
  modify_params: true
  num_retries: 3
router_settings:
  routing_strategy_args:
    ttl: 10
    text: |
      several
      lines
  # keep me
  cooldown_time: 3

general_settings:
  alert_type_config: {}   # gone
  database_url: os.environ/DATABASE_URL
guardrails:
  - guardrail_name: a
    litellm_params: {}
"""

CLEANED = """\
# our gateway
model_list:
  - model_name: gpt   # the group
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/KEY_A
      # about rpm
      rpm: 60
    model_info: {id: x}
  - model_name: two
    litellm_params: {model: openai/gpt-4o}
litellm_settings:
  # callbacks
  success_callback: ["prometheus"]
  failure_callback:
    - otel   # stays
  callbacks:
  num_retries: 3
router_settings:
  # keep me
  cooldown_time: 3

general_settings:
  database_url: os.environ/DATABASE_URL
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "litellm.yaml"
    made.write_text(LITELLM)
    return made


def test_every_entry_of_a_list_that_has_no_effect_is_told(tmp_path: Path) -> None:
    file = tmp_path / "litellm.yaml"
    file.write_text(
        "litellm_settings: {callbacks: [presidio, otel, langsmith]}\n"
        "general_settings: {alerting: [slack], alert_types: [daily_reports, llm_exceptions, new_model_added]}\n"
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: openai/a, itpm: 1}}\n"
        "  - {model_name: b, litellm_params: {model: openai/b, itpm: 2}}\n"
    )

    told = migrate(str(file)).undone

    callbacks = told["litellm_settings.callbacks"]
    assert "presidio: " in callbacks
    assert "langsmith: " in callbacks
    assert "otel" not in callbacks
    types = told["general_settings.alert_types"]
    assert "daily_reports: " in types
    assert "new_model_added: " in types
    itpm = told["model_list.litellm_params.itpm"]  # of two deployments, and told once
    assert "; " not in itpm


def test_the_report_says_what_carries_over_what_differs_and_what_is_not_done(path: Path) -> None:
    report = migrate(str(path))

    assert report.ok
    assert report.models == 2
    assert "model_list.litellm_params.api_key" in report.carried
    assert set(report.different) == {
        "model_list.litellm_params.rpm",
        "litellm_settings.num_retries",
        "router_settings.cooldown_time",
        "general_settings.database_url",
    }
    assert set(report.undone) == {
        "model_list.litellm_params.itpm",
        "model_list.litellm_params.otpm",
        "model_list.model_info.access_windows",
        "litellm_settings.success_callback",
        "litellm_settings.failure_callback",
        "litellm_settings.callbacks",
        "litellm_settings.modify_params",
        "router_settings.routing_strategy_args",
        "general_settings.alert_type_config",
        "guardrails",
    }
    assert not set(report.carried) & (set(report.different) | set(report.undone))


def test_the_cleaned_file_has_all_the_rest_comments_too(path: Path) -> None:
    assert cleaned(str(path)) == CLEANED


def test_the_cleaned_file_is_read_without_a_warning(path: Path) -> None:
    path.write_text(cleaned(str(path)))

    assert load(str(path), {"KEY_A": "k", "DATABASE_URL": "d"}).warnings == ()
    assert cleaned(str(path)) == CLEANED


def test_the_command_reports_and_writes(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.chmod(0o600)
    target = tmp_path / "gateway.yaml"

    assert run(["migrate", str(path), "--write", str(target)]) == 0

    assert target.read_text() == CLEANED
    assert target.stat().st_mode & 0o777 == 0o600
    assert "has no effect here:" in capsys.readouterr().out
    assert sorted(item.name for item in tmp_path.iterdir()) == ["gateway.yaml", "litellm.yaml"]


def test_errors_end_the_command_with_a_status_of_their_own(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(LITELLM + "routr_settings: {}\n")

    assert run(["migrate", str(path)]) == 2
    assert "did you mean 'router_settings'?" in capsys.readouterr().out
    assert run(["migrate", str(path.with_name("none.yaml"))]) == 2


def test_a_file_that_cannot_be_written_is_an_error(path: Path) -> None:
    assert run(["migrate", str(path), "--write", "/nonexistent/gateway.yaml"]) == 2


def test_the_file_that_is_read_is_not_written_over(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate", str(path), "--write", str(path.parent / "." / path.name)]) == 2

    assert "is the file that is read: name another" in capsys.readouterr().err
    assert path.read_text() == LITELLM


def test_what_an_included_file_holds_is_reported_and_left_alone(path: Path) -> None:
    outer = path.with_name("outer.yaml")
    outer.write_text("include: [litellm.yaml]\nguardrails: []\nlitellm_settings: {drop_params: true}\n")

    assert "general_settings.alert_type_config" in migrate(str(outer)).undone
    assert cleaned(str(outer)) == "include: [litellm.yaml]\nlitellm_settings: {drop_params: true}\n"


def test_no_secret_is_in_the_report(path: Path) -> None:
    path.write_text(LITELLM + "environment_variables: {A: sk-CANARY}\ncallback_settings: {x: sk-CANARY}\n")

    assert "sk-CANARY" not in "\n".join(migrate(str(path)).lines())


KEYS = st.sampled_from(["a", "b", "c", "d"])
TREES = st.recursive(
    st.integers() | st.text(alphabet="xyz #:\n'\"-", max_size=6) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def _without(value: object, places: set[tuple[str | int, ...]], here: tuple[str | int, ...] = ()) -> object:
    if isinstance(value, dict):
        kept: object = {k: _without(v, places, (*here, k)) for k, v in value.items() if (*here, k) not in places}
    elif isinstance(value, list):
        kept = [_without(v, places, (*here, i)) for i, v in enumerate(value) if (*here, i) not in places]
    else:
        return value
    return kept or None if value else value


def _all(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(*here, key), *_all(inner, (*here, key))]]


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(), tree=st.dictionaries(KEYS, TREES, min_size=1, max_size=3), flow=st.sampled_from([None, False, True])
)
def test_pruning_takes_out_what_is_named_and_nothing_else(
    data: st.DataObject, tree: dict[str, object], flow: bool | None
) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, sort_keys=False)
    places = data.draw(st.sets(st.sampled_from(_all(tree)), max_size=3))

    left = yaml.safe_load(pruned(text, places))

    assert _nothing(left) == _nothing(_without(tree, places))


def _nothing(value: object) -> object:
    """Empty collections and null are the same: nothing is said."""
    if isinstance(value, dict):
        return {key: _nothing(item) for key, item in value.items()} or None
    if isinstance(value, list):
        return [_nothing(item) for item in value] or None
    return value


def test_what_has_no_effect_is_cut_where_a_variable_holds_it_and_beside_one(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: openai/a, azure_username: os.environ/U, api_key: os.environ/K}}\n"
        "litellm_settings: {callbacks: [os.environ/C, langfuse, prometheus]}\n"
    )

    assert cleaned(str(path)) == (
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: openai/a, api_key: os.environ/K}}\n"
        "litellm_settings: {callbacks: [os.environ/C, prometheus]}\n"
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "litellm_settings:\n  drop_params: true\n  ? set_verbose\n  : true\n",
            "litellm_settings:\n  drop_params: true\n",
        ),
        (
            "? litellm_settings\n: set_verbose: true\n  drop_params: true\n",
            "? litellm_settings\n: drop_params: true\n",
        ),
        ("litellm_settings: {? set_verbose : true}\n", "litellm_settings: {}\n"),
        ("", ""),
    ],
)
def test_keys_are_cut_however_they_are_written(tmp_path: Path, text: str, left: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)

    assert cleaned(str(path)) == left


def test_entries_of_lists_and_their_first_keys_are_cut_from_behind_their_dashes() -> None:
    text = "a:\n- - b\n  - c\n- d: 1\n  e: 2\n- f\n"

    assert yaml.safe_load(pruned(text, {("a", 0, 0), ("a", 1, "d")})) == {"a": [["c"], {"e": 2}, "f"]}
    assert yaml.safe_load(pruned(text, {("a", 0, 1), ("a", 1, "e")})) == {"a": [["b"], {"d": 1}, "f"]}


def test_what_aliases_share_is_cut_once(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    text = (
        "model_list:\n"
        "  - model_name: a\n"
        "    litellm_params: &all\n"
        "      model: openai/a\n"
        "{}"
        "  - {{model_name: b, litellm_params: *all}}\n"
        "  - model_name: c\n"
        "    litellm_params:\n"
        "      <<: *all\n"
        "      model: openai/c\n"
    )
    path.write_text(text.format("      itpm: 3\n"))

    assert cleaned(str(path)) == text.format("")


def test_what_stands_in_variables_is_left_to_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "model_list:\n"
        "  - {model_name: a, litellm_params: {model: os.environ/M, api_base: os.environ/B, rpm: os.environ/R}}\n"
        "  - {model_name: os.environ/N, litellm_params: {model: openai/b}}\n"
        "router_settings: {routing_strategy: os.environ/S, fallbacks: [{a: [os.environ/F]}]}\n"
        "litellm_settings: {budget_duration: os.environ/D}\n"
        "general_settings: {allowed_ips: [os.environ/I]}\n"
    )

    report = migrate(str(path))

    assert report.problems == ()
    assert report.models == 2
    assert cleaned(str(path)) == path.read_text()


@pytest.mark.parametrize(
    "text",
    ["model_list:\n  - a:\n b: c: d\n", "router_settings: {\n\tset_verbose: true\n}\n", "model_list: &all\n  - *all\n"],
)
def test_a_file_that_cannot_be_taken_apart_is_an_error(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError, match="edit it by hand"):
        cleaned(str(path))
    assert run(["migrate", str(path), "--write", str(tmp_path / "b.yaml")]) == 2
    assert "Traceback" not in "".join(capsys.readouterr())


def test_what_is_not_there_cannot_be_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("general_settings: &x {alerting: [a]}\nrouter_settings: {<<: *x, set_verbose: true}\n")

    with pytest.raises(ConfigError, match="edit it by hand"):
        cleaned(str(path))


@pytest.mark.parametrize("shared", ["*base", "{<<: *base, tpm: 9}", "{<<: [*base], model: openai/b}"])
def test_what_is_shared_by_anchors_is_cleaned_where_it_is_held(tmp_path: Path, shared: str) -> None:
    file = tmp_path / "litellm.yaml"
    file.write_text(
        "x-base: &base\n  model: openai/gpt-4o\n  itpm: 3 # gone\n  rpm: 5 # stays\n"
        f"model_list:\n  - {{model_name: a, litellm_params: *base}}\n  - {{model_name: b, litellm_params: {shared}}}\n"
    )

    migration = migrate(str(file))

    assert migration.ok
    assert not any("x-base" in line for line in migration.lines())
    assert cleaned(str(file)) == file.read_text().replace("  itpm: 3 # gone\n", "")
