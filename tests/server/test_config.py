"""The gateway's configuration: read strictly, all errors at once, no secret in any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.errors import ConfigError
from lingate.server.config import ConfigFileError, check, load
from lingate.server.config.loading import interpret, read
from lingate.server.config.settings import Alias, Fallback
from lingate.server.config.source import parse
from tests.effort import least_cpu
from tests.server.driving import config_of, deployments, problems_of, warnings_of

GPT = "model_list:\n" + deployments("a")


def entry(params: str, more: str = "") -> str:
    """A model list with one entry."""
    return f"model_list: [{{model_name: gpt, litellm_params: {{model: openai/a, api_key: k, {params}}}{more}}}]\n"


# What is wrong is told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("router_setings: {}", "gateway.yaml:1: router_setings is unknown; did you mean 'router_settings'?"),
        (
            "router_settings:\n  num_retrys: 2",
            "gateway.yaml:2: router_settings.num_retrys is unknown; did you mean 'num_retries'?",
        ),
        ("general_settings: {master_ky: x}", "general_settings.master_ky is unknown; did you mean 'master_key'?"),
        ("litellm_settings: {drop_parms: true}", "litellm_settings.drop_parms is unknown; did you mean 'drop_params'?"),
        (
            "litellm_settings: {cache_params: {tpye: redis}}",
            "litellm_settings.cache_params.tpye is unknown; did you mean 'type'?",
        ),
        ("lingate: {limits: {max_bdy: 1}}", "lingate.limits.max_bdy is unknown; did you mean 'max_body'?"),
        (entry("rpmm: 3"), "model_list[0].litellm_params.rpmm is unknown; did you mean 'rpm'?"),
        (entry("rpmm: os.environ/NOT_SET"), "model_list[0].litellm_params.rpmm is unknown; did you mean 'rpm'?"),
        (entry("rpmm: null"), "model_list[0].litellm_params.rpmm is unknown; did you mean 'rpm'?"),
        (entry("temprature: 1"), "did you mean 'temperature'?; parameters of one provider alone go into extra_body"),
        (entry("rpm: 3", ", model_infos: {}"), "model_list[0].model_infos is unknown; did you mean 'model_info'?"),
        (
            entry("rpm: 3", ", weight: 3"),
            "model_list[0].weight is unknown beside model_name: it belongs into litellm_params",
        ),
        (
            entry("rpm: 3", ", model_info: {base_modle: x}"),
            "model_list[0].model_info.base_modle is unknown; did you mean 'base_model'?",
        ),
        ("num_retries: 3", "num_retries is unknown; it belongs into router_settings"),
        ("master_key: x", "master_key is unknown; it belongs into general_settings"),
        ("lingate: {providers: {openai: {api_bse: x}}}", "lingate.providers.openai"),
        (
            "litellm_settings: {master_key: x}",
            "litellm_settings.master_key is unknown; it belongs into general_settings",
        ),
        ("litellm_jwtauth: {}", "litellm_jwtauth is unknown; it belongs into general_settings"),
        ("router_settings: {drop_params: true}", "drop_params is unknown; it belongs into litellm_settings"),
        (entry("base_model: gpt-4"), "litellm_params.base_model is not read here: it belongs into model_info"),
        (entry("model_id: 'arn:aws:x'"), "litellm_params.model_id is not read here: write the ARN in model"),
        (entry("rpm: 3", ", model_info: {acces_groups: [x]}"), "did you mean 'access_groups'?"),
    ],
)
def test_an_unknown_key_is_an_error_with_its_path_and_the_closest_name(text: str, message: str) -> None:
    assert any(message in problem for problem in problems_of(text)), problems_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry("rpm: ten"), "model_list[0].litellm_params.rpm must be a whole number, not a text"),
        (entry("rpm: -1"), "litellm_params.rpm must be a whole number from 0"),
        (entry("rpm: true"), "rpm must be a whole number, not a switch"),
        (entry("weight: .nan"), "weight must be a number, not a number"),
        (entry("weight: .inf"), "weight must be a number from 0"),
        (entry("timeout: soon"), "timeout must be a number of seconds or a time such as 30s"),
        (entry("api_version: 2024"), "api_version must be a text, not a whole number; write it in quotes"),
        (entry("tags: {a: b}"), "tags must be a list, not a mapping"),
        (entry("extra_headers: [a]"), "extra_headers must be a mapping, not a list"),
        ("model_list: {}", "model_list must be a list, not a mapping"),
        ("model_list: [gpt]", "model_list[0] must be a mapping, not a text"),
        ("model_list: [{litellm_params: {model: openai/a}}]", "model_list[0].model_name is missing"),
        ("model_list: [{model_name: a}]", "model_list[0].litellm_params.model is missing"),
        (
            "model_list: [{model_name: a, litellm_params: {model: my-model}}]",
            "model names no provider: write it as provider/model",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: my-llm/gpt}}]",
            "names the provider 'my-llm', which is unknown; one of your own goes under lingate.providers",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: opnai/gpt}}]",
            "names the provider 'opnai', which is unknown; did you mean 'openai'?",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: elevenlabs/scribe_v1}}]",
            "names the provider 'elevenlabs', which is not here: speech in a format of its own, to be asked for directly",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: x, custom_llm_provider: fal_ai}}]",
            "names the provider 'fal_ai', which is not here: images in a format of its own, to be asked for directly",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: dotprompt/gpt-4}}]",
            "names no model: keep prompts in the application",
        ),
        (
            "model_list: [{model_name: a, litellm_params: {model: x, custom_llm_provider: opnai}}]",
            "did you mean 'openai'?",
        ),
        ("router_settings: {routing_strategy: simple-shufle}", "is 'simple-shufle'; did you mean 'simple-shuffle'?"),
        ("router_settings: {routing_strategy: provider-budget-routing}", "set budgets on keys and teams"),
        ("router_settings: {fallbacks: gpt}", "router_settings.fallbacks must be a list such as"),
        ("router_settings: {fallbacks: [gpt]}", "router_settings.fallbacks[0] must be a mapping such as"),
        ("general_settings: {allowed_ips: [10.0.0.0/99]}", "general_settings.allowed_ips[0] is no address or network"),
        (
            "lingate: {limits: {max_body: lots}}",
            "lingate.limits.max_body must be a number of bytes or a size such as 10MB",
        ),
        ("lingate: {unpriced: maybe}", "lingate.unpriced is 'maybe'; known are allow, refuse"),
        ("litellm_settings: {cache_params: {type: qdrant}}", "cache_params.type is 'qdrant'; known are local, redis"),
        ("lingate: {port: 99999}", "lingate.port must be a port from 1 to 65535"),
        ("lingate: {port: 0}", "lingate.port must be a port from 1 to 65535"),
        ("lingate: {allowed_hosts: ['https://a.example.com/v1']}", "allowed_hosts[0] must be a host such as"),
        ("lingate: {allowed_hosts: [a.example.com, '*']}", "allowed_hosts[1] must be a host such as"),
        ("lingate: {cors: {allow_origins: [app.example.com]}}", "allow_origins[0] must be * or an origin such as"),
        ("lingate: {jwt: {issuer: 'https://i.example.com'}}", "lingate.jwt needs an issuer and an audience"),
        (
            "lingate: {jwt: {issuer: 'https://i.example.com', audience: a, jwks_url: 'http://i.example.com/keys'}}",
            "lingate.jwt cannot be used: keys are read over https or from a file",
        ),
        ("lingate: {jwt: {issuer: i, audience: a}}", "say where the keys of 'i' are"),
        ("lingate: {jwt: {issuer: i, audience: a, algorithms: [HS256]}}", "lingate.jwt.algorithms[0] is 'HS256'"),
        ("lingate: {jwt: {issuer: i, audience: a, algorithms: [none]}}", "lingate.jwt.algorithms[0] is 'none'"),
        ("- a\n- b", "must be a mapping, not a list"),
        ("environment_variables: {A: [1]}", "environment_variables.A must be a text, not a list"),
        ("credential_list: [{credential_values: {}}]", "credential_list[0].credential_name is missing"),
        (entry("litellm_credential_name: x"), "litellm_credential_name names no credential"),
        (entry("additional_drop_params: [user, 'tools[x].y']"), "additional_drop_params[1] must be a path such as"),
        (
            GPT + deployments("b").replace("}}", "}, model_info: {id: x}}") * 2,
            "has 2 entries with the model_info.id 'x'",
        ),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_was_expected_and_found(text: str, message: str) -> None:
    assert any(message in problem for problem in problems_of(text)), problems_of(text)


def test_all_errors_are_told_together_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: openai/a\n      rpm: x\nrouter_settings:\n  timeot: 3\n"
    )

    with pytest.raises(ConfigFileError) as caught:
        load(str(path), {})

    assert len(caught.value.problems) == 2
    assert f"{path}:5: model_list[0].litellm_params.rpm" in str(caught.value)
    assert f"{path}:7: router_settings.timeot" in str(caught.value)
    assert isinstance(caught.value, ConfigError)


def test_a_key_that_stands_twice_is_an_error() -> None:
    assert problems_of("router_settings:\n  timeout: 3\n  timeout: 4") == [
        "gateway.yaml:3: router_settings.timeout stands here twice"
    ]


@pytest.mark.parametrize(
    "text", ["a: [", "a: b: c", "\t- x", "a: !!python/object:os.system {}", "&a [*a]", "a: *b", "\x00"]
)
def test_what_is_not_yaml_is_an_error_with_a_line(text: str) -> None:
    assert problems_of(text)


def test_a_file_that_is_not_there_or_not_text_is_an_error(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "none.yaml", binary, tmp_path):
        with pytest.raises(ConfigFileError, match=str(path)):
            load(str(path), {})


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    assert any("nested too deeply" in problem for problem in problems_of("a: " + "[" * 200 + "]" * 200))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("CANARY-7f3a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from(
    [
        ("general_settings", "master_key"),
        ("general_settings", "database_url"),
        ("router_settings", "redis_password"),
        ("router_settings", "num_retries"),
        ("router_settings", "fallbacks"),
        ("litellm_settings", "cache_params"),
        ("lingate", "providers"),
        ("environment_variables",),
        ("credential_list",),
        ("model_list",),
        ("model_list", "litellm_params", "api_key"),
        ("model_list", "litellm_params", "rpm"),
        ("model_list", "litellm_params", "extra_headers"),
        ("model_list", "litellm_params", "aws_secret_access_key"),
        ("model_list", "litellm_params", "timeout"),
        ("model_list", "model_info"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(place=PLACES, value=VALUES)
def test_whatever_stands_anywhere_is_read_or_told_and_no_secret_is_repeated(place: tuple[str, ...], value: Any) -> None:
    if place[0] == "model_list" and len(place) > 1:
        item: dict[str, Any] = {"model_name": "gpt", "litellm_params": {"model": "openai/a"}}
        if place[1] == "litellm_params":
            item["litellm_params"][place[2]] = value
        else:
            item[place[1]] = value
        data: Any = {"model_list": [item]}
    else:
        data = {place[0]: value} if len(place) == 1 else {place[0]: {place[1]: value}}
    source = parse("{}", "gateway.yaml")
    source.data = data

    loaded = interpret(source, None, {})

    told = "\n".join([*map(str, loaded.problems), *loaded.config.warnings, repr(loaded.config)])
    as_key = any(isinstance(part, dict) and "CANARY-7f3a" in part for part in [value])
    assert as_key or "CANARY-7f3a" not in told or place[-1] in ("timeout", "fallbacks", "model_info", "model_list")


SECRET = "sk-CANARY-93b1"


def test_a_secret_is_in_no_message_warning_or_repr() -> None:
    text = f"""
    model_list:
      - model_name: gpt
        litellm_params: {{model: openai/a, api_key: {SECRET}, extra_headers: {{x-key: {SECRET}}}, aws_secret_access_key: {SECRET}}}
      - model_name: gpt
        litellm_params: {{model: openai/a, api_key: [{SECRET}], rpm: {SECRET}, timeout: {SECRET}, tags: {{a: {SECRET}}}}}
    general_settings: {{master_key: {SECRET}, database_url: "postgres://u:{SECRET}@h/d", alerting: [{SECRET}]}}
    router_settings: {{redis_password: {SECRET}, redis_host: h}}
    environment_variables: {{KEY: {SECRET}}}
    lingate: {{providers: {{openai: {{api_key: {SECRET}}}}}}}
    """
    loaded = interpret(parse(text.replace("\n    ", "\n"), "gateway.yaml"), None, {"SECRET": SECRET})

    assert len(loaded.problems) == 5
    assert SECRET not in "".join(map(str, loaded.problems))
    assert SECRET not in "".join(loaded.config.warnings)
    assert SECRET not in repr(loaded.config)
    assert loaded.config.redis_url == f"redis://:{SECRET}@h:6379/0"


# What LiteLLM has and we do not


def test_what_is_not_done_is_told_in_one_warning_with_what_to_use_instead() -> None:
    text = """
    guardrails: [{guardrail_name: x}]
    environment_variables: {LITELLM_LOG: DEBUG, OTHER: x}
    litellm_settings: {success_callback: [langfuse, prometheus], modify_params: true, callbacks: [{websearch: {a: 1}}]}
    general_settings: {alerting: [email], use_x_forwarded_for: true, enable_jwt_auth: true}
    router_settings: {routing_groups: [], optional_pre_call_checks: [prompt_caching, responses_api_deployment_check]}
    model_list:
      - {model_name: a, litellm_params: {model: openai/a, itpm: 3, input_cost_per_second: 1}}
      - {model_name: b, litellm_params: {model: openai/b, itpm: 3}, model_info: {access_windows: []}}
    """
    loaded = interpret(parse(text.replace("\n    ", "\n"), "gateway.yaml"), None, {})

    assert loaded.problems == []
    (warning,) = loaded.config.warnings
    assert loaded.config.routing.optional_pre_call_checks == ("prompt_caching",)
    for place in (
        "guardrails",
        "environment_variables.LITELLM_LOG",
        "litellm_settings.callbacks",
        "general_settings.use_x_forwarded_for",
        "general_settings.enable_jwt_auth",
        "router_settings.optional_pre_call_checks",
        "litellm_settings.success_callback",
        "litellm_settings.modify_params",
        "general_settings.alerting",
        "router_settings.routing_groups",
        "model_list.litellm_params.itpm",
        "model_list.litellm_params.input_cost_per_second",
        "model_list.model_info.access_windows",
    ):
        assert warning.count(f"{place} (") == 1
    assert "prometheus:" not in warning


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("custom_callbacks.proxy_handler_instance", "code of your own is not loaded"),
        ("hide_secrets", "guardrails are not here"),
        ("dynamic_rate_limiter_v3", "set it on keys and teams"),
        ("langfuse", "use the ledger"),
    ],
)
def test_callbacks_are_told_with_what_stands_in_for_what_they_do(name: str, instead: str) -> None:
    told = warnings_of(f"litellm_settings: {{callbacks: [{name}]}}")
    assert f"litellm_settings.callbacks ({name}: {instead}" in told


def test_a_key_without_effect_is_no_error_in_a_section_of_another_and_one_with_effect_is() -> None:
    text = (
        "general_settings: {internal_user_budget_duration: 1d, max_internal_user_budget: 3, max_retries: 1}\n"
        "router_settings: {alert_type_config: {}}\nlitellm_settings: {custom_auth: x.y, debug_level: INFO}\n"
    )
    loaded = interpret(parse(text, "gateway.yaml"), None, {})

    assert loaded.problems == []
    assert {"general_settings.max_retries", "router_settings.alert_type_config", "litellm_settings.custom_auth"} <= {
        ".".join(map(str, place)) for place in loaded.undone
    }
    assert "belongs into general_settings" in problems_of("litellm_settings: {max_parallel_requests: 3}")[0]


def test_a_key_of_model_info_that_only_describes_is_told_and_taken() -> None:
    text = entry("rpm: 3", ", model_info: {my_key: x}")
    assert "model_list.model_info.my_key (" in warnings_of(text)


@pytest.mark.parametrize("key", ["model", "custom_llm_provider"])
def test_a_deployment_whose_model_is_in_a_variable_that_is_not_set_cannot_be_asked_and_all_others_can(key: str) -> None:
    text = f"""
    model_list:
      - {{model_name: m, litellm_params: {{model: x, {key}: os.environ/MODEL, api_key: k}}}}
      - {{model_name: n, litellm_params: {{model: openai/a, api_key: k}}}}
    router_settings: {{fallbacks: [{{n: [m]}}]}}
    """.replace("{model: x, model:", "{model:")
    config = config_of(text)

    assert [item.unusable for item in config.deployments] == ["the variable MODEL is not set", None]
    assert "deployments that cannot be asked: m (os.environ/MODEL): the variable MODEL is not set" in warnings_of(text)
    assert [
        item.provider for item in config_of(text, {"MODEL": "openai" if key != "model" else "openai/b"}).deployments
    ] == [
        "openai",
        "openai",
    ]


def test_fallbacks_and_aliases_in_variables_that_are_not_set_are_left_out() -> None:
    text = (
        GPT
        + "router_settings:\n  fallbacks: [{gpt: [os.environ/A]}]\n  model_group_alias: {other: os.environ/B, b: gpt}"
    )
    routing = config_of(text).routing
    assert routing.fallbacks == {"gpt": ()}
    assert set(routing.model_group_alias) == {"b"}
    assert "A (for router_settings.fallbacks" in warnings_of(text)


def test_a_group_with_two_lists_of_fallbacks_is_an_error() -> None:
    problems = problems_of(
        GPT + deployments("b", group="b") + "router_settings:\n  fallbacks:\n  - gpt: [b]\n  - gpt: [b]\n"
    )
    assert problems == ["gateway.yaml:7: router_settings.fallbacks[1].gpt stands here twice"]


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings"])
def test_a_group_that_is_not_there_is_told_with_the_section_and_line_that_name_it(section: str) -> None:
    (problem,) = problems_of(f"{GPT}{section}:\n  num_retries: 1\n  fallbacks: [{{gpt: [gtp]}}]\n")
    assert problem.startswith(f"gateway.yaml:5: {section}.fallbacks.gpt names 'gtp'"), problem
    (problem,) = problems_of(f"{GPT}{section}:\n  num_retries: 1\n  default_fallbacks: [gtp]\n")
    assert problem.startswith(f"gateway.yaml:5: {section}.default_fallbacks names 'gtp'"), problem


def test_variables_as_a_shell_writes_them_are_taken_as_they_stand_and_told() -> None:
    text = GPT + (
        "general_settings: {master_key: '${LITELLM_MASTER_KEY}'}\n"
        "router_settings: {redis_host: '$REDIS', redis_password: 'pa$$word', redis_url: 'redis://${USER:-x}@h'}\n"
    )
    assert warnings_of(text) == (
        "taken as they stand, since a variable is written os.environ/NAME: general_settings.master_key, "
        "router_settings.redis_host, router_settings.redis_url"
    )


@pytest.mark.parametrize(
    "written", ["os.environ.SOME_API_KEY", "os.environ['SOME_API_KEY']", "SOME_API_KEY", "GH_TOKEN"]
)
def test_a_key_that_is_a_variable_written_in_another_way_is_told(written: str) -> None:
    text = f'model_list: [{{model_name: a, litellm_params: {{model: openai/a, api_key: "{written}"}}}}]\n'
    assert warnings_of(text) == (
        "taken as they stand, since a variable is written os.environ/NAME: model_list[0].litellm_params.api_key"
    )


def test_a_variable_may_stand_within_a_text() -> None:
    text = GPT + (
        "general_settings:\n  pass_through_endpoints:\n"
        "    - {path: /a, target: 'https://os.environ/HOST/x', headers: {b: Bearer os.environ/B, c: 'os.environ/D-os.environ/B'}}\n"
        "    - {path: /b, target: 'https://h', headers: {b: 'Basic os.environ/B:os.environ/C', c: x os.environ/D, d: 'os.environ/C-os.environ/B'}}\n"
    )
    config = config_of(text, {"HOST": "h.example.com", "B": "bb os.environ/C", "C": "cc"})
    first, second = config.general.pass_through_endpoints
    assert (first.target, dict(first.headers)) == ("https://h.example.com/x", {"b": "Bearer bb os.environ/C"})
    assert dict(second.headers) == {"b": "Basic bb os.environ/C:cc", "d": "cc-bb os.environ/C"}
    (warning,) = config.warnings
    place = "general_settings.pass_through_endpoints"
    assert warning == (f"variables that are not set: D (for {place}[0].headers.c), D (for {place}[1].headers.c)")


def test_paths_that_go_on_are_named_by_a_check_without_the_secrets_of_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        "general_settings: {pass_through_endpoints: [{path: /rank, target: 'https://h/v2?key=a-secret'}]}\n"
    )
    lines = check(str(tmp_path / "gateway.yaml"), {}).lines()
    assert "/rank: https://h/v2" in lines
    assert "a-secret" not in "".join(lines)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{target: 'https://h'}", "[0].path must be a path such as /v1/rank, with a name behind its slash"),
        ("{path: /, target: 'https://h'}", "[0].path must be a path such as /v1/rank, with a name behind its slash"),
        ("{path: 'a/b', target: 'https://h'}", "[0].path must be a path"),
        ("{path: '/a?b', target: 'https://h'}", "[0].path must be a path"),
        ("{path: /a}", "[0].target must be an address such as https://example.com/v1/rank"),
        ("{path: /a, target: 'http://[::1/x'}", "[0].target must be an address such as https://example.com/v1/rank"),
        ("{path: /a, target: 'http://h:70000/'}", "[0].target must be an address such as https://example.com/v1/rank"),
        ("{path: /a, target: h/b}", "[0].target must be an address"),
        ("{path: /a, target: 'https://u:p@h/b'}", "[0].target must be an address"),
        ("{path: /a, target: 'https://h', methods: [FETCH]}", "[0].methods[0] is 'FETCH'"),
        ('{path: /a, target: "https://h", headers: {x: "a\\nb"}}', "[0].headers.x cannot be sent"),
        ("{path: /a, target: 'https://h', headers: {x: 'ä'}}", "[0].headers.x cannot be sent"),
        (
            "{path: /a, target: 'https://h', include_subpaths: true}",
            "[0].include_subpaths is unknown; did you mean 'include_subpath'?",
        ),
        ("{path: /a, target: 'https://h', guardrails: {a: null}}", "[0].guardrails is unknown"),
        ("{path: /a, target: 'https://h', cost_per_request: -1}", "[0].cost_per_request must be"),
    ],
)
def test_a_path_that_goes_on_must_make_sense(entry: str, problem: str) -> None:
    (found,) = problems_of(f"{GPT}general_settings: {{pass_through_endpoints: [{entry}]}}\n")
    assert f"general_settings.pass_through_endpoints{problem}" in found


def test_a_configuration_without_fault_has_no_warning() -> None:
    assert warnings_of(GPT) == ""


def test_switches_that_have_what_they_need_are_not_told() -> None:
    text = """
general_settings: {use_x_forwarded_for: true, enable_jwt_auth: true}
lingate: {trusted_proxies: [10.0.0.1], jwt: {issuer: 'https://i.example.com', audience: a}}
"""
    assert warnings_of(text) == ""
    without = text.replace(", enable_jwt_auth: true", "")
    assert "lingate.jwt (set general_settings.enable_jwt_auth: true)" in warnings_of(without)


def test_variables_by_which_litellms_proxy_is_configured_are_told_where_nothing_else_is_set() -> None:
    env = {"LITELLM_MASTER_KEY": "sk-theirs-and-long-enough", "DATABASE_URL": "postgresql://h/d"}
    (warning,) = interpret(parse(""), None, env).config.warnings
    assert "LITELLM_MASTER_KEY (use LINGATE_MASTER_KEY" in warning
    assert "DATABASE_URL (use LINGATE_DATABASE_URL" in warning
    named = "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY, database_url: os.environ/DATABASE_URL}"
    assert interpret(parse(named), None, env).config.warnings == ()
    ours = {"LINGATE_MASTER_KEY": "sk-ours-and-long-enough", "LINGATE_DATABASE_URL": "postgresql://h/e"}
    assert interpret(parse(""), None, env | ours).config.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("general_settings: {database_url: 'mysql://u:hunter2@h/d'}", "no support for databases of kind 'mysql'"),
        ("router_settings: {redis_url: 'http://:hunter2@h'}", "the Redis URL cannot be read"),
    ],
)
def test_check_reads_the_addresses_of_database_and_redis(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    report = check(str(path), {})
    assert not report.ok
    assert message in report.lines()[0]
    assert "hunter2" not in "".join(report.lines())


# The environment


ENV = """
model_list:
  - model_name: gpt
    litellm_params:
      model: openai/a
      api_key: os.environ/KEY
      rpm: os.environ/RPM
      drop_params: os.environ/DROP
      tags: os.environ/TAGS
      temperature: 0.5
general_settings: {master_key: os.environ/MASTER}
"""


def test_variables_stand_anywhere_and_become_what_is_wanted() -> None:
    config = config_of(ENV, {"KEY": "k1", "RPM": "60", "DROP": "True", "TAGS": "a, b", "MASTER": "123"})

    params = config.deployments[0].params
    assert (params.api_key, params.rpm, params.drop_params, params.tags) == ("k1", 60, True, ("a", "b"))
    assert config.general.master_key == "123"
    assert type(params.api_key) is str


def test_a_variable_with_the_wrong_kind_of_text_is_named_and_not_repeated() -> None:
    (problem,) = problems_of(ENV, {"KEY": "k", "RPM": "secret-7", "DROP": "1", "TAGS": "", "MASTER": "m"})

    assert "rpm must be a whole number, not the text in the variable RPM" in problem
    assert "secret-7" not in problem


def test_a_variable_that_is_not_set_is_told_and_its_deployment_is_not_asked_with_somebody_elses_key() -> None:
    config = config_of(ENV, {"OPENAI_API_KEY": "another"})

    assert config.deployments[0].unusable == "the variable KEY is not set"
    assert config.deployments[0].params.rpm is None
    assert "KEY (for model_list[0].litellm_params.api_key)" in "\n".join(config.warnings)


def test_environment_variables_of_the_file_win_and_may_refer_to_others() -> None:
    text = "environment_variables: {KEY: os.environ/REAL, OPENAI_API_KEY: file, DEBUG: true}\n" + entry(
        "rpm: 1"
    ).replace("api_key: k", "api_key: os.environ/KEY")
    config = config_of(text, {"REAL": "r", "OPENAI_API_KEY": "process", "OTHER": "o"})

    assert config.deployments[0].params.api_key == "r"
    assert config.env["OPENAI_API_KEY"] == "file"
    assert config.env["DEBUG"] == "true"
    assert config.env["OTHER"] == "o"


def test_redis_comes_from_the_environment_the_router_or_the_cache() -> None:
    cache = "litellm_settings: {cache_params: {type: redis, host: c, port: 6380, password: 'p@ss', ssl: true}}"

    assert config_of(cache).redis_url == "rediss://:p%40ss@c:6380/0"
    assert config_of(cache + "\nrouter_settings: {redis_host: r}").redis_url == "redis://r:6379/0"
    assert config_of(cache, {"LINGATE_REDIS_URL": "redis://e"}).redis_url == "redis://e"
    assert config_of("").redis_url is None


def test_a_cache_that_names_its_redis_has_its_answers_there_and_not_where_the_router_counts() -> None:
    router = "\nrouter_settings: {redis_host: r}"
    own = "litellm_settings: {cache: true, cache_params: {type: redis, host: c}}" + router

    assert (config_of(own).redis_url, config_of(own).cache_redis_url) == ("redis://r:6379/0", "redis://c:6379/0")
    assert config_of(own.replace(", host: c", "")).cache_redis_url == "redis://r:6379/0"
    assert config_of("litellm_settings: {cache: true}" + router).cache_redis_url is None
    assert config_of(own, {"LINGATE_REDIS_URL": "redis://e"}).cache_redis_url == "redis://e"


# What a file means


def test_the_sections_are_read_into_what_they_mean() -> None:
    text = """
    model_list:
      - model_name: gpt
        litellm_params:
          model: azure/dep
          api_base: https://x.example
          api_version: "2024-10-21"
          azure_ad_token: t
          aws_region_name: eu-central-1
          vertex_credentials: {type: service_account}
          timeout: 1m
          temperature: 0.2
          extra_headers: {a: b}
          input_cost_per_token: 1e-6
        model_info: {id: one, mode: chat, base_model: azure/gpt-4o, max_input_tokens: 10, supports_vision: true}
      - {model_name: other, litellm_params: {model: gpt-4o-mini}}
    litellm_settings: {num_retries: 4, request_timeout: 30, fallbacks: [{gpt: [other]}], cache: true, callbacks: prometheus}
    router_settings: {num_retries: 1, model_group_alias: {best: gpt, x: {model: gpt, hidden: true}}, cooldown_time: 7}
    general_settings: {max_request_size_mb: 2, maximum_spend_logs_retention_period: 30d}
    lingate: {limits: {max_in_flight: 5}, drain: 10s, allowed_hosts: ["*.example"], providers: {own: {url: "https://own.example/v1"}}}
    """
    config = config_of(text)

    first, second = config.deployments
    assert (first.id, first.provider, first.model) == ("one", "azure", "dep")
    assert (second.provider, second.model) == ("openai", "gpt-4o-mini")
    assert first.overlay == {
        "AZURE_AD_TOKEN": "t",
        "AWS_REGION_NAME": "eu-central-1",
        "VERTEXAI_CREDENTIALS": '{"type":"service_account"}',
    }
    assert first.defaults == {"temperature": 0.2}
    assert first.params.timeout == 60.0
    assert first.params.input_cost_per_token == 1e-6
    assert config.routing.num_retries == 1
    assert config.routing.timeout == 30.0
    assert config.routing.fallbacks == {"gpt": (Fallback(model="other"),)}
    assert config.routing.model_group_alias == {"best": Alias(model="gpt"), "x": Alias(model="gpt", hidden=True)}
    assert config.max_body == 2 * 1024 * 1024
    assert config.max_in_flight == 5
    assert config.retention == 30 * 86400.0
    assert config.callbacks == {"prometheus"}
    assert config.own.drain == 10.0
    assert not config.serve_all


@pytest.mark.parametrize(
    "text",
    [
        "litellm_settings: {fallbacks: [{gpt: [missing]}]}",
        "litellm_settings: {fallbacks: [{missing: [gpt]}]}",
        "router_settings: {default_fallbacks: [missing]}",
        "router_settings: {context_window_fallbacks: [{gpt: [{model: missing}]}]}",
        "router_settings: {model_group_alias: {x: missing}}",
        "router_settings: {model_group_retry_policy: {missing: {DefaultRetries: 1}}}",
    ],
)
def test_a_name_that_no_model_has_is_an_error(text: str) -> None:
    assert any("names 'missing', which no model_name has" in problem for problem in problems_of(GPT + text))


def test_names_behind_stars_aliases_and_ids_are_names_too() -> None:
    text = """
    model_list:
      - {model_name: "openai/*", litellm_params: {model: "openai/*"}, model_info: {id: d1}}
      - {model_name: gpt, litellm_params: {model: openai/a}}
    router_settings:
      model_group_alias: {best: gpt}
      fallbacks: [{best: [openai/gpt-5, d1]}, {"*": [best]}]
    """
    assert problems_of(text) == []


def test_ids_are_the_same_in_every_process_and_different_for_each_entry() -> None:
    text = "model_list:\n" + deployments("a", "a", "b")

    first, again = config_of(text), config_of(text.replace("api_key: k", "api_key: another"))

    ids = [item.id for item in first.deployments]
    assert len(set(ids)) == 3
    assert ids == [item.id for item in again.deployments]


def test_credentials_have_names_of_their_own() -> None:
    text = """
    credential_list: [{credential_name: c, credential_values: {api_key: os.environ/K, api_base: "https://c.example"}}]
    model_list: [{model_name: gpt, litellm_params: {model: openai/a, litellm_credential_name: c, api_base: "https://own.example"}}]
    """
    params = config_of(text, {"K": "k"}).deployments[0].params

    assert (params.api_key, params.api_base) == ("k", "https://own.example")


def test_default_litellm_params_lie_under_those_of_each_deployment() -> None:
    text = GPT + "router_settings: {default_litellm_params: {temperature: 0, max_retries: 1, api_key: d}}"

    item = config_of(text).deployments[0]

    assert item.defaults == {"temperature": 0}
    assert (item.params.max_retries, item.params.api_key) == (1, "k")


def test_anchors_and_merge_keys_are_yaml() -> None:
    text = """
    model_list:
      - model_name: gpt
        litellm_params: &base {model: openai/a, api_key: k, rpm: 5}
      - model_name: gpt
        litellm_params: {<<: *base, model: openai/b}
    """
    assert [(item.model, item.params.rpm) for item in config_of(text).deployments] == [("a", 5), ("b", 5)]


def test_a_key_at_the_top_that_begins_with_x_or_a_sign_holds_what_anchors_share() -> None:
    text = """
    x-base: &base {rpm: 5, api_base: "${UNSET}"}
    _names: [&name gpt, os.environ/NOBODY]
    .key: &key k
    model_list:
      - model_name: *name
        litellm_params: {<<: *base, model: openai/a, api_key: *key, api_base: "https://a.example"}
    """
    config = config_of(text)
    assert [(item.group, item.params.rpm) for item in config.deployments] == [("gpt", 5)]
    assert config.warnings == ()
    assert "x-base" not in problems_of(text + "    xbase: {}\n")[0]


def test_included_files_are_joined_and_their_errors_name_them(tmp_path: Path) -> None:
    main, models, wrong = tmp_path / "main.yaml", tmp_path / "models.yaml", tmp_path / "wrong.yaml"
    main.write_text(GPT + "include: [models.yaml]\nrouter_settings: {num_retries: 1}\n")
    models.write_text(
        "model_list:\n" + deployments("b", group="two") + "router_settings: {num_retries: 5, timeout: 9}\n"
    )
    wrong.write_text("include: [main.yaml]\nmodel_list:\n" + deployments("c", more="rpx: 1"))

    config = load(str(main), {})
    with pytest.raises(ConfigFileError) as caught:
        load(str(wrong), {})

    assert [item.model for item in config.deployments] == ["a", "b"]
    assert (config.routing.num_retries, config.routing.timeout) == (1, 9.0)
    assert config.files == (str(main), str(models))
    assert f"{wrong}:3: model_list[0].litellm_params.rpx is unknown" in str(caught.value)
    models.write_text("model_list:\n" + deployments("b", more="rpx: 1"))
    with pytest.raises(ConfigFileError, match=r"models\.yaml:2: model_list\[1\]"):
        load(str(main), {})
    models.write_text("include: main.yaml")
    with pytest.raises(ConfigFileError, match="includes itself"):
        load(str(main), {})


def test_no_configuration_serves_every_provider() -> None:
    config = load(None, {"OPENAI_API_KEY": "k"})

    assert config.serve_all
    assert config.deployments == ()
    assert config.own.host == "127.0.0.1"
    assert config.general.master_key is None


def test_a_master_key_that_can_be_guessed_is_warned_of_wherever_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("general_settings: {master_key: sk-1}")

    (named,) = load(str(path), {"LINGATE_MASTER_KEY": "sk-12"}).warnings
    (told,) = load(None, {"LINGATE_MASTER_KEY": "sk-12"}).warnings

    assert named == "general_settings.master_key has 4 characters and can be guessed: make it longer"
    assert told == "LINGATE_MASTER_KEY has 5 characters and can be guessed: make it longer"


@pytest.mark.parametrize(
    "key", ["sk-0123456789abcdef0123\r", "sk-0123456789 abcdef0123", "sk-0123456789abcdef012é", " "]
)
def test_a_master_key_that_no_client_can_send_is_an_error_wherever_it_comes_from(key: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("general_settings: {master_key: os.environ/KEY}")

    (named,) = read(str(path), {"KEY": key}).problems
    (told,) = read(None, {"LINGATE_MASTER_KEY": key}).problems

    why = "holds white space, control characters or letters outside ASCII, which no client can send"
    assert str(named) == f"{path}:1: general_settings.master_key {why}"
    assert str(told) == f"LINGATE_MASTER_KEY {why}"


def test_check_names_the_providers_that_are_served_besides(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("litellm_settings: {drop_params: true}")

    some, none = check(str(path), {"GROQ_API_KEY": "k", "MISTRAL_API_KEY": "k"}).lines(), check(None, {}).lines()

    assert some == [
        "provider/model: every provider whose credential is present (groq, mistral)",
        f"{path} can be used",
    ]
    assert "none; set one of the variables" in none[0]
    path.write_text("model_list:\n" + deployments("a"))
    assert not any("provider/model" in line for line in check(str(path), {}).lines())


def test_check_says_for_each_deployment_whether_it_could_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "model_list:\n"
        + deployments("a")
        + "  - {model_name: c, litellm_params: {model: anthropic/claude-sonnet-4-6}}\n"
        + "  - {model_name: '*', litellm_params: {model: '*'}}\n"
        + "  - {model_name: e, litellm_params: {model: openai/x, api_key: os.environ/NOPE}}\n"
    )

    report = check(str(path), {})

    assert report.ok
    assert [item.trouble is None for item in report.deployments] == [True, False, True, False]
    assert any("ANTHROPIC_API_KEY" in line for line in report.lines())
    assert report.lines()[-1].endswith("can be used; 2 of 4 deployments are ready")
    path.write_text("model_lst: []")
    assert not check(str(path), {}).ok
    assert check(None, {}).ok


def test_every_key_that_is_not_done_is_one_that_is_not_read() -> None:
    from lingate.server.config import litellm_schema as schema
    from lingate.server.config.reading import hints_of
    from lingate.server.config.settings import CacheParams, DeploymentParams, General, ModelInfo, Routing, Settings

    for table, record in (
        (schema.LITELLM_SETTINGS, Settings),
        (schema.ROUTER_SETTINGS, Routing),
        (schema.GENERAL_SETTINGS, General),
        (schema.CACHE_PARAMS, CacheParams),
        (schema.DEPLOYMENT, DeploymentParams),
        (schema.MODEL_INFO, ModelInfo),
    ):
        assert not set(table) & set(hints_of(record))
        assert all(instead for instead in table.values())


def test_a_file_of_a_thousand_deployments_is_read_in_a_moment() -> None:
    data = {
        "model_list": [{"model_name": f"m{n}", "litellm_params": {"model": "openai/a", "rpm": n}} for n in range(1000)]
    }
    text = yaml.safe_dump(data)

    assert len(config_of(text).deployments) == 1000
    assert least_cpu(config_of, text, tries=2) < 5


def test_numbers_in_quotes_and_limits_beside_the_parameters_are_taken() -> None:
    text = "model_list: [{model_name: gpt, rpm: 7, tpm: 9, litellm_params: {model: openai/a, tpm: '80'}}]"

    params = config_of(text).deployments[0].params

    assert (params.rpm, params.tpm) == (7, 80)


def test_settings_of_the_router_may_stand_in_litellm_settings() -> None:
    config = config_of("litellm_settings: {cooldown_time: 30, allowed_fails: 2}\nrouter_settings: {allowed_fails: 3}")

    assert (config.routing.cooldown_time, config.routing.allowed_fails) == (30.0, 3)


def test_a_redis_cache_without_a_host_is_where_the_environment_says() -> None:
    text = "litellm_settings: {cache: true, cache_params: {type: redis}}"
    env = {"REDIS_HOST": "h", "REDIS_PORT": "6380", "REDIS_PASSWORD": "p"}

    assert config_of(text, env).redis_url == "redis://:p@h:6380/0"
    assert config_of(text, {**env, "REDIS_URL": "redis://u"}).redis_url == "redis://u"
    assert config_of(text).redis_url is None


@pytest.mark.parametrize(
    "text",
    ["router_settings: {redis_host: h}", "litellm_settings: {cache: true, cache_params: {type: redis, host: h}}"],
)
def test_what_is_not_said_of_a_redis_with_a_host_is_in_the_environment(text: str) -> None:
    env = {"REDIS_SSL": "True", "REDIS_USERNAME": "u", "REDIS_PASSWORD": "p", "REDIS_HOST": "other", "REDIS_URL": "r"}

    assert config_of(text, env).redis_url == "rediss://u:p@h:6379/0"
    assert config_of(text, {"REDIS_SSL": "False", "REDIS_PORT": "tcp://10.0.0.1:6379"}).redis_url == "redis://h:6379/0"


def test_a_cache_without_parameters_is_in_the_redis_of_the_environment_as_it_is_for_litellm() -> None:
    env = {"REDIS_HOST": "h", "REDIS_PASSWORD": "p"}

    assert config_of("litellm_settings: {cache: true}", env).settings.cache_params.type == "redis"
    assert config_of("litellm_settings: {cache: true}", env).redis_url == "redis://:p@h:6379/0"
    assert config_of("litellm_settings: {cache: true}").settings.cache_params.type == "local"
    assert config_of("litellm_settings: {cache: true, cache_params: {ttl: 3}}", env).redis_url is None
    assert config_of("litellm_settings: {cache: false}", env).redis_url is None


def test_a_redis_cache_may_name_its_user() -> None:
    text = "litellm_settings: {cache_params: {type: redis, host: h, username: u, password: p}}"
    assert config_of(text).redis_url == "redis://u:p@h:6379/0"


def test_a_master_key_that_can_be_guessed_is_told() -> None:
    assert "master_key has 7 characters" in warnings_of("general_settings: {master_key: sk-1234}")
    assert warnings_of("general_settings: {master_key: sk-3f9c1b7e5a2d4860}") == ""


def test_what_an_alias_or_an_include_must_be_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"

    assert problems_of("router_settings: {model_group_alias: {x: {hidden: true}}}") == [
        "gateway.yaml:1: router_settings.model_group_alias.x.model is missing"
    ]
    for text, message in (
        ("include: {a: b}", "include must be a list of files"),
        ("include: none.yaml", "none.yaml: cannot be read: No such file or directory"),
        ("include: list.yaml", "must be a mapping"),
    ):
        path.write_text(text)
        (tmp_path / "list.yaml").write_text("- a")
        with pytest.raises(ConfigFileError, match=message):
            load(str(path), {})


def test_a_deployment_without_variables_of_its_own_sees_the_environment_as_it_is() -> None:
    from lingate._providers.naming import environment

    env = {"AWS_SESSION_TOKEN": "t", "AWS_BEARER_TOKEN_BEDROCK": "b", "OTHER": "o", "AWS_REGION": "r"}

    assert environment({}, "bedrock", env) is env
    assert dict(environment({"AWS_REGION_NAME": "eu"}, "bedrock", env)) == {**env, "AWS_REGION_NAME": "eu"}
    own = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    seen = environment(own, "bedrock", env)
    assert dict(seen) == {**own, "OTHER": "o", "AWS_REGION": "r"}
    assert len(seen) == 4
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": "f", "AWS_ROLE_NAME": "arn"}
    assert dict(environment(web, "bedrock", {**env, "AWS_ROLE_ARN": "pod"})) == {**web, "OTHER": "o", "AWS_REGION": "r"}
    role = environment({"AWS_ROLE_NAME": "arn"}, "bedrock", env)
    assert dict(role) == {"AWS_ROLE_NAME": "arn", "AWS_SESSION_TOKEN": "t", "OTHER": "o", "AWS_REGION": "r"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5: x", "has a key that is a whole number; write it in quotes"),
        ("? [a]\n: b", "is not valid YAML: found unhashable key"),
        ("model_list: 2026-02-30", "is not valid YAML: there is no such date or number; write it in quotes"),
        ("router_settings: {model_group_alias: {x: 5}}", "x must be the name of a group, not a whole number"),
        ("router_settings: {routing_strategy: [x]}", "must be one of simple-shuffle, least-busy"),
        ("credential_list: [{credential_name: a, credential_value: {}}]", "did you mean 'credential_values'?"),
        ("litellm_settings: {budget_duration: 0}", "must be a period such as 1h, 1d, 30d or 1mo"),
        ("litellm_settings: {request_timeout: [x]}", "request_timeout must be a number, not a list"),
        (entry("", ", model_info: {id: true}"), "model_info.id must be a text, not a switch"),
        ("model_list: [{model_name: a, litellm_params: {model: 5}}]", "model must be a text, not a whole number"),
        (f"lingate: {{limits: {{max_body: {'9' * 400}KB}}}}", "must be a number of bytes or a size such as 10MB"),
        (f"lingate: {{drain: {'9' * 400}d}}", "must be a number of seconds or a time such as 30s"),
    ],
)
def test_a_value_of_another_kind_is_one_problem_and_no_failure(text: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert message in problem


def test_numbers_may_stand_for_ids_and_for_seconds_of_periods() -> None:
    config = config_of("litellm_settings: {max_budget: 5, budget_duration: 30}\n" + entry("", ", model_info: {id: 7}"))

    assert (config.settings.budget_duration, config.deployments[0].id) == ("30s", "7")


def test_texts_of_variables_are_plain_texts_wherever_they_go_on_from() -> None:
    found = config_of(entry("extra_body: {a: os.environ/A, b: [os.environ/B, os.environ/C]}"), {"A": "x", "C": "y"})
    body = found.deployments[0].params.extra_body

    assert body == {"a": "x", "b": ["y"]}
    assert type(body["a"]) is type(body["b"][0]) is str


def test_a_files_own_word_wins_over_another_kind_of_value_that_it_includes(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: [b.yaml]\nlitellm_settings: {drop_params: true}\n" + GPT)
    (tmp_path / "b.yaml").write_text("litellm_settings: [x]\nmodel_list: 5\n")

    loaded = load(str(tmp_path / "a.yaml"), {})

    assert loaded.settings.drop_params
    assert len(loaded.deployments) == 1
