"""Configurations as operators of LiteLLM's proxy have them: each is read, and whatever has no effect is named with its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from lingate.server.config.loading import anywhere, interpret
from lingate.server.config.migrating import cleaned, migrate
from lingate.server.config.source import parse
from lingate.server.live import Live

KEY = "api_key: os.environ/KEY"


def _one(params: str, more: str = "") -> str:
    return f"model_list:\n  - model_name: m\n    litellm_params: {{{params}, {KEY}}}\n{more}"


GPT = "model: openai/gpt-4o"
CONFIGS: dict[str, tuple[str, set[str]]] = {
    "load balancing": (
        "model_list:\n"
        "  - {model_name: gpt, litellm_params: {model: azure/gpt-eu, api_base: 'https://eu.example.com', api_key: k, rpm: 6}}\n"
        "  - {model_name: gpt, litellm_params: {model: azure/gpt-ca, api_base: 'https://ca.example.com', api_key: k, weight: 2}}\n"
        "router_settings: {routing_strategy: usage-based-routing-v2, redis_host: h, redis_password: p, redis_port: 1992}\n",
        set(),
    ),
    "rpm as a text": (_one(f"{GPT}, rpm: '60', tpm: '1000'"), set()),
    "order": (_one(f"{GPT}, order: 1, max_parallel_requests: 3"), set()),
    "latency with arguments": (
        _one(
            GPT,
            "router_settings: {routing_strategy: latency-based-routing, routing_strategy_args: {ttl: 10, lowest_latency_buffer: 0.5}}",
        ),
        {"router_settings.routing_strategy_args"},
    ),
    "fallbacks of every kind": (
        _one(
            GPT,
            "litellm_settings:\n  num_retries: 3\n  request_timeout: 10\n  fallbacks: [{m: [m2]}]\n  allowed_fails: 3\n"
            "  context_window_fallbacks: [{m: [m2]}]\n  content_policy_fallbacks: [{m: [m2]}]\n  default_fallbacks: [m2]\n"
            "router_settings: {model_group_alias: {m2: m, m3: {model: m, hidden: true}}, max_fallbacks: 2}\n",
        ),
        set(),
    ),
    "fallbacks with parameters": (
        _one(GPT, "router_settings: {fallbacks: [{m: [{model: m, temperature: 0, messages: []}]}]}"),
        set(),
    ),
    "retry policies": (
        _one(
            GPT,
            "router_settings:\n  retry_policy: {AuthenticationErrorRetries: 3, TimeoutErrorRetries: 3, RateLimitErrorRetries: 3}\n"
            "  model_group_retry_policy: {m: {InternalServerErrorRetries: 4}}\n"
            "  allowed_fails_policy: {BadRequestErrorAllowedFails: 1000, RateLimitErrorAllowedFails: 100}\n  retry_after: 5\n",
        ),
        set(),
    ),
    "wildcards": (
        "model_list: [{model_name: 'anthropic/*', litellm_params: {model: 'anthropic/*', api_key: k}}]",
        set(),
    ),
    "anything": ("model_list: [{model_name: '*', litellm_params: {model: '*'}}]", set()),
    "azure by identity": (
        _one("model: azure/x, api_base: 'https://a.example.com', tenant_id: t, client_id: c, client_secret: s"),
        set(),
    ),
    "azure, scope": (
        _one("model: azure/x, api_base: 'https://a.example.com', azure_scope: s, azure_username: u"),
        {"model_list.litellm_params.azure_username"},
    ),
    "bedrock": (
        "model_list:\n  - model_name: b\n    litellm_params: {model: bedrock/anthropic.claude-x, aws_region_name: us-west-2,\n"
        "      aws_role_name: 'arn:aws:iam::1:role/x', aws_session_name: s, aws_profile_name: p}\n",
        set(),
    ),
    "vertex": (
        "model_list:\n  - model_name: v\n    litellm_params: {model: vertex_ai/gemini-x, vertex_project: p, vertex_location: l,\n"
        "      vertex_credentials: {type: service_account}, safety_settings: [{category: c, threshold: BLOCK_NONE}]}\n",
        set(),
    ),
    "watsonx": (
        _one("model: watsonx/ibm/granite, api_base: 'https://w.example.com', project_id: p, space_id: s"),
        set(),
    ),
    "ollama": (
        _one("model: ollama_chat/llama3, api_base: 'http://localhost:11434', keep_alive: 8m, num_ctx: 8192"),
        set(),
    ),
    "reasoning": (_one(f"{GPT}, reasoning_effort: high, thinking: {{type: enabled, budget_tokens: 10}}"), set()),
    "credentials": (
        "credential_list: [{credential_name: c, credential_values: {api_key: os.environ/KEY}, credential_info: {a: b}}]\n"
        "model_list: [{model_name: m, litellm_params: {model: openai/x, litellm_credential_name: c}}]",
        set(),
    ),
    "prices": (
        "model_list:\n  - model_name: m\n    litellm_params: {model: openai/x, api_key: k, input_cost_per_token: 3e-6}\n"
        "    model_info: {output_cost_per_token: 15e-6, base_model: gpt-4o, input_cost_per_token_above_128k_tokens: 1, mode: chat,\n"
        "      supports_vision: true, access_groups: [beta], health_check_model: openai/gpt-4o}\n",
        {
            "model_list.model_info.input_cost_per_token_above_128k_tokens",
            "model_list.model_info.access_groups",
            "model_list.model_info.health_check_model",
        },
    ),
    "caches": (
        "litellm_settings: {cache: true, cache_params: {type: redis, host: h, port: 6379, password: p, ttl: 600, namespace: n,\n"
        "  supported_call_types: [acompletion, aembedding], mode: default_off, max_connections: 100, redis_flush_size: 100}}",
        {"litellm_settings.cache_params.max_connections", "litellm_settings.cache_params.redis_flush_size"},
    ),
    "sentinels": (
        "litellm_settings: {cache: true, cache_params: {type: redis, service_name: s, sentinel_nodes: [[h, 1]], sentinel_password: p}}",
        {f"litellm_settings.cache_params.{name}" for name in ("service_name", "sentinel_nodes", "sentinel_password")},
    ),
    "a cache in a bucket": (
        "litellm_settings: {cache: true, cache_params: {type: s3, s3_bucket_name: b, ttl: 60}}",
        {"litellm_settings.cache_params.type", "litellm_settings.cache_params.s3_bucket_name"},
    ),
    "a semantic cache": (
        "litellm_settings: {cache: true, cache_params: {type: qdrant-semantic, similarity_threshold: 0.8}}",
        {"litellm_settings.cache_params.type", "litellm_settings.cache_params.similarity_threshold"},
    ),
    "what is told of a model": (
        _one(f"{GPT}, stream: true", "").rstrip() + "\n    model_info: {my_custom_key: x, license: mit}\n",
        {
            "model_list.litellm_params.stream",
            "model_list.model_info.my_custom_key",
            "model_list.model_info.license",
        },
    ),
    "the rest of the documents": (
        _one(
            f"{GPT}, silent_model: m",
            "litellm_settings: {logged_real_time_event_types: '*'}\n"
            "general_settings: {block_robots: true, store_prompts_in_cold_storage: true}\n",
        ),
        {
            "model_list.litellm_params.silent_model",
            "litellm_settings.logged_real_time_event_types",
            "general_settings.block_robots",
            "general_settings.store_prompts_in_cold_storage",
        },
    ),
    "a model in a variable": ("model_list: [{model_name: m, litellm_params: {model: os.environ/M}}]", set()),
    "budgets of providers": (
        "router_settings: {provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}, optional_pre_call_checks: [router_budget_limiting]}",
        set(),
    ),
    "budgets of deployments": (
        _one(f"{GPT}, max_budget: 1, budget_duration: 1d"),
        set(),
    ),
    "tags": (
        _one(f"{GPT}, tags: [free]", "router_settings: {enable_tag_filtering: true, tag_filtering_match_any: false}"),
        set(),
    ),
    "tags, budgets": (
        "litellm_settings: {tag_budget_config: {a: {max_budget: 1}}}",
        {"litellm_settings.tag_budget_config"},
    ),
    "teams": (
        "litellm_settings: {default_team_settings: [{team_id: t, success_callback: [langfuse]}], default_team_params: {max_budget: 1}}",
        {"litellm_settings.default_team_settings", "litellm_settings.default_team_params"},
    ),
    "users": (
        "litellm_settings: {max_internal_user_budget: 1, internal_user_budget_duration: 1mo, max_budget: 9, budget_duration: 30d,\n"
        "  upperbound_key_generate_params: {max_budget: 1}, timezone: US/Eastern}",
        {
            f"litellm_settings.{name}"
            for name in (
                "max_internal_user_budget",
                "internal_user_budget_duration",
                "upperbound_key_generate_params",
                "timezone",
            )
        },
    ),
    "alerts": (
        "general_settings: {alerting: [slack, email], alerting_threshold: 300, alert_types: [llm_exceptions, spend_reports], alerting_args: {log_to_console: true, daily_report_frequency: 1}, alert_type_config: {}}",
        {
            f"general_settings.{name}"
            for name in (
                "alerting",
                "alert_types",
                "alerting_args.log_to_console",
                "alerting_args.daily_report_frequency",
                "alert_type_config",
            )
        },
    ),
    "callbacks": (
        "litellm_settings: {success_callback: [langfuse, s3], failure_callback: [sentry], callbacks: [otel, prometheus, {websearch_interception: {}}],\n"
        "  service_callbacks: [datadog], s3_callback_params: {s3_bucket_name: b}, turn_off_message_logging: true}",
        {
            f"litellm_settings.{name}"
            for name in (
                "success_callback",
                "failure_callback",
                "callbacks",
                "service_callbacks",
                "s3_callback_params",
                "turn_off_message_logging",
            )
        },
    ),
    "callback settings": ("callback_settings: {otel: {message_logging: false}}", {"callback_settings"}),
    "guardrails": (
        "guardrails: [{guardrail_name: g, litellm_params: {guardrail: presidio, mode: pre_call}}]",
        {"guardrails"},
    ),
    "pass through": (
        "general_settings: {pass_through_endpoints: [{path: /v1/x, target: 'https://x.example.com', headers: {a: b}}]}",
        set(),
    ),
    "jwt": (
        "general_settings: {enable_jwt_auth: true, litellm_jwtauth: {admin_jwt_scope: a, team_id_jwt_field: t}}",
        {"general_settings.enable_jwt_auth", "general_settings.litellm_jwtauth"},
    ),
    "behind a proxy": ("general_settings: {use_x_forwarded_for: true}", {"general_settings.use_x_forwarded_for"}),
    "secrets": (
        "general_settings: {key_management_system: aws_secret_manager, key_management_settings: {store_virtual_keys: true}}",
        {"general_settings.key_management_system", "general_settings.key_management_settings"},
    ),
    "custom auth": (
        "general_settings: {custom_auth: a.b, custom_auth_settings: {mode: auto}}",
        {"general_settings.custom_auth", "general_settings.custom_auth_settings"},
    ),
    "database": (
        "general_settings: {master_key: os.environ/KEY, database_url: 'postgresql://u:p@h:5432/d', database_connection_pool_limit: 9,\n"
        "  store_model_in_db: true, proxy_batch_write_at: 60, allow_requests_on_db_unavailable: true, disable_error_logs: true}",
        {
            f"general_settings.{name}"
            for name in (
                "database_connection_pool_limit",
                "store_model_in_db",
                "proxy_batch_write_at",
                "allow_requests_on_db_unavailable",
                "disable_error_logs",
            )
        },
    ),
    "health": (
        "general_settings: {background_health_checks: true, health_check_interval: 300, health_check_details: false}",
        {"general_settings.health_check_details"},
    ),
    "logs": (
        "litellm_settings: {json_logs: true, set_verbose: false, store_audit_logs: true}",
        {"litellm_settings.set_verbose", "litellm_settings.store_audit_logs"},
    ),
    "retention": (
        "general_settings: {maximum_spend_logs_retention_period: 30d, maximum_spend_logs_retention_interval: 1d, store_prompts_in_spend_logs: true}",
        {"general_settings.maximum_spend_logs_retention_interval"},
    ),
    "variables": (
        "environment_variables: {REDIS_HOST: h, REDIS_PORT: 6379, LANGFUSE_HOST: x, LITELLM_LOG: INFO}",
        {"environment_variables.LITELLM_LOG"},
    ),
    "variables that the file refers to": (
        "environment_variables: {LITELLM_MASTER_KEY: sk-1234567890123456, DATABASE_URL: 'postgresql://h/d', JWT_AUDIENCE: a}\n"
        "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY, database_url: os.environ/DATABASE_URL}\n",
        {"environment_variables.JWT_AUDIENCE"},
    ),
    "headers": (
        "general_settings: {forward_client_headers_to_llm_api: true, forward_llm_provider_auth_headers: true, litellm_key_header_name: X-Key}",
        {"general_settings.forward_llm_provider_auth_headers"},
    ),
    "tools": (
        "mcp_servers: {a: {url: 'https://x.example.com'}}\nsearch_tools: []\nvector_store_registry: []\nprompts: []\nfiles_settings: []",
        {"mcp_servers", "search_tools", "vector_store_registry", "prompts", "files_settings"},
    ),
    "a mock": (_one(f"{GPT}, mock_response: hi"), {"model_list.litellm_params.mock_response"}),
    "prometheus": (
        "litellm_settings: {callbacks: prometheus, prometheus_metrics_config: [], require_auth_for_metrics_endpoint: true}",
        {"litellm_settings.prometheus_metrics_config", "litellm_settings.require_auth_for_metrics_endpoint"},
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_read_and_what_has_no_effect_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    text, undone = CONFIGS[name]
    loaded = interpret(parse(text, "gateway.yaml"), None, {"KEY": "a-key-that-is-long-enough"})

    assert loaded.problems == []
    assert {anywhere(place) for place in loaded.undone} == undone
    assert all(loaded.undone.values())
    Live(loaded.config)

    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    assert set(migrate(str(path)).undone) == undone
    assert not interpret(parse(cleaned(str(path))), None, {}).undone
