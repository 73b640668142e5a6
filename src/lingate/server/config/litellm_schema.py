"""LiteLLM's keys that have no effect here, each with what to use instead. Names as LiteLLM 1.106 and its documents have them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_GUARDRAILS = "guardrails are not here: put a moderation service in front, or call /v1/moderations"
_MCP = "the gateway speaks to models, not to tools: run an MCP server of your own"
_ALERTS = "alert on /metrics"
_LOGS = "use the ledger (admin API, CSV), /metrics and OpenTelemetry traces"
_UI = "there is no web interface: use the admin API, `lingate keys` and `lingate tail`"
_SECRETS = "let your platform put secrets into the environment"
_BATCHES = "files and batches go to the provider directly"
_ONE_DEPLOYMENT = "set it on each deployment"
_NOTHING = "not needed here"
_KEYS = "set it on keys and teams with the admin API"
_METRICS = "the metrics are fixed, see docs/gateway.md"
_SEARCH = "retrieval belongs to the application"


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _table(*entries: tuple[str, str]) -> dict[str, str]:
    return {name: instead for names, instead in entries for name in names.split()}


TOP: Mapping[str, str] = _table(
    ("guardrails policies policy_attachments", _GUARDRAILS),
    ("mcp_servers mcp_tools mcp_aliases", _MCP),
    ("callback_settings", _LOGS),
    ("prompts", "keep prompts in the application"),
    ("vector_store_registry search_tools", _SEARCH),
    ("files_settings finetune_settings assistant_settings", _BATCHES),
    ("default_vertex_config", "set vertex_project, vertex_location and vertex_credentials on the deployment"),
    ("sandbox_tools agent_list", _MCP),
    ("worker_registry", "replicas share Postgres and Redis and need no registry"),
    ("litellm_license", "everything is included"),
)

LITELLM_SETTINGS: Mapping[str, str] = _table(
    ("store_audit_logs", "changes of keys, teams and budgets are always written down"),
    ("set_verbose debug verbose", "use log_level: DEBUG"),
    (
        "turn_off_message_logging redact_messages_in_exceptions redact_user_api_key_info",
        "prompts and keys are never logged",
    ),
    ("modify_params", "messages are made to fit by the provider's wire format; nothing is invented"),
    ("num_retries_per_request", "use num_retries"),
    ("api_key api_base api_version organization headers project", _ONE_DEPLOYMENT),
    ("ssl_verify ssl_certificate ssl_security_level ssl_ecdh_curve", "use SSL_CERT_FILE"),
    (
        "force_ipv4 disable_aiohttp_transport use_aiohttp_transport aiohttp_trust_env disable_aiohttp_trust_env http2",
        _NOTHING,
    ),
    ("telemetry suppress_debug_info litellm_mode safe_memory_mode enable_preview_features network_mock", _NOTHING),
    ("custom_provider_map custom_prompt_dict", "describe the provider under lingate.providers"),
    ("pre_call_rules post_call_rules input_callback audit_log_callbacks", "write a service that calls the gateway"),
    ("model_alias_map model_group_settings", "use router_settings.model_group_alias"),
    ("enable_json_schema_validation", "check answers in the application"),
    ("default_internal_user_params default_team_settings default_team_params default_key_generate_params", _KEYS),
    ("upperbound_key_generate_params key_generation_settings max_internal_user_budget max_user_budget", _KEYS),
    ("internal_user_budget_duration default_soft_budget default_max_internal_user_budget max_ui_session_budget", _KEYS),
    ("max_end_user_budget_id tag_budget_config priority_reservation enable_key_alias_format_validation", _KEYS),
    ("budget_rollover budget_exceeded_throttle_percentage budget_exceeded_status_code", _KEYS),
    ("cost_discount_config cost_margin_config", "set the prices of the deployment"),
    ("cache_responses enable_redis_auth_cache default_in_memory_ttl default_redis_ttl", "use cache and cache_params"),
    ("caching_with_models enable_caching_on_provider_specific_optional_params", "the cache key is the whole call"),
    ("json_logs_format error_logs log_raw_request_response request_correlation_in_logs", _LOGS),
    ("langfuse_default_tags langsmith_batch_size gcs_pub_sub_use_v1 generic_api_use_v1 generic_logger_headers", _LOGS),
    ("datadog_params datadog_llm_observability_params datadog_use_v1 newrelic_params s3_callback_params", _LOGS),
    ("s3_audit_callback_params aws_sqs_callback_params cold_storage_custom_logger pointfive_params", _LOGS),
    ("standard_logging_payload_excluded_fields disable_streaming_logging global_disable_no_log_param", _LOGS),
    ("extra_spend_tag_headers disable_add_user_agent_to_request_tags", "send tags in metadata.tags or x-lingate-tags"),
    ("forward_traceparent_to_llm_provider", "list traceparent under lingate.forward_headers"),
    ("add_user_information_to_llm_headers include_cost_in_streaming_usage return_response_headers", _LOGS),
    ("disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only", _METRICS),
    (
        "enable_end_user_cost_tracking_prometheus_only custom_prometheus_metadata_labels custom_prometheus_tags",
        _METRICS,
    ),
    ("prometheus_initialize_budget_metrics prometheus_metrics_config prometheus_latency_buckets", _METRICS),
    ("require_auth_for_metrics_endpoint", "use lingate.metrics_auth"),
    ("default_max_internal_user_budget public_model_groups public_model_groups_links", _UI),
    ("anthropic_sse_ping_interval_seconds", "use sse_keepalive_ping_interval_seconds"),
    (
        "reasoning_auto_summary route_all_chat_openai_to_responses use_chat_completions_url_for_anthropic_messages",
        _NOTHING,
    ),
    ("disable_add_transform_inline_image_block disable_add_prefix_to_prompt disable_stop_sequence_limit", _NOTHING),
    ("disable_hf_tokenizer_download disable_token_counter disable_copilot_system_to_assistant", _NOTHING),
    ("credential_list", "put credential_list at the top of the file"),
    (
        "guardrail_name_config_map llamaguard_model_name llm_guard_mode banned_keywords_list blocked_user_list",
        _GUARDRAILS,
    ),
    (
        "output_parse_pii presidio_ad_hoc_recognizers presidio_logging_only google_moderation_confidence_threshold",
        _GUARDRAILS,
    ),
    ("openai_moderations_model_name skip_system_message_in_guardrail", _GUARDRAILS),
    ("mcp_aliases mcp_semantic_tool_filter mcp_tool_search public_mcp_servers", _MCP),
    ("code_interpreter_interception_params websearch_interception_params", _MCP),
    ("guardrails", _GUARDRAILS),
    ("validate_end_user_id_in_db scim_admin_group scim_upsert_user", _KEYS),
    ("user_url_validation user_url_allowed_hosts provider_url_destination_allowed_hosts", "use lingate.allowed_hosts"),
    ("enable_loadbalancing_on_batch_endpoints require_managed_files", _BATCHES),
    ("vertex_ai_safety_settings vertex_project vertex_location", _ONE_DEPLOYMENT),
)

ROUTER_SETTINGS: Mapping[str, str] = _table(
    ("routing_strategy_args", "latency is a moving average, usage that of the last minute"),
    ("routing_groups auto_router_capability_limit plugins tag_routing_prefix", "one strategy holds for all groups"),
    ("provider_budget_config", "set budgets on keys and teams"),
    ("caching_groups cache_responses cache_kwargs client_ttl", "use litellm_settings.cache and cache_params"),
    ("polling_interval default_priority", "calls over a limit are refused with Retry-After instead of queued"),
    ("set_verbose debug_level", "use litellm_settings.log_level"),
    ("alerting_config", _ALERTS),
    ("assistants_config", _BATCHES),
    ("search_tools", _SEARCH),
    ("guardrail_list", _GUARDRAILS),
    ("router_general_settings ignore_invalid_deployments", "a deployment without its credential is named in a warning"),
    (
        "deployment_affinity_ttl_seconds model_group_affinity_config",
        "affinity lasts as long as the deployment is healthy",
    ),
    ("enable_health_check_routing health_check_staleness_threshold", "failed health checks count like failed calls"),
    ("health_check_ignore_transient_errors background_health_check_model_groups", "see general_settings"),
    ("enable_weighted_failover", "the next deployment is always chosen by weight"),
    ("fallback_access_check fallback_budget_check", "fallbacks are the operator's choice; budgets always hold"),
    ("max_retries", "use num_retries"),
    ("weights", "set weight on each deployment"),
)

GENERAL_SETTINGS: Mapping[str, str] = _table(
    ("image_generation_model embedding_model moderation_model", "name the model in the call, or use model_group_alias"),
    ("proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time", "budgets are reset when their period ends"),
    ("proxy_batch_polling_interval", _BATCHES),
    ("disable_adding_master_key_hash_to_db use_client_credentials_pass_through_routes", _NOTHING),
    ("completion_model", "name the model in the call, or use model_group_alias"),
    ("key_management_system key_management_settings use_google_kms use_azure_key_vault", _SECRETS),
    ("pass_through_endpoints", "use the faces; a provider of your own goes under lingate.providers"),
    ("alerting alert_types alert_to_webhook_url alerting_args alerting_threshold alert_type_config", _ALERTS),
    ("spend_report_frequency", _LOGS),
    (
        "custom_auth custom_auth_run_common_checks custom_key_generate custom_key_update custom_key_policy",
        "use JWT, or keys made by the admin API",
    ),
    ("custom_sso custom_ui_sso_sign_in_handler ui_access_mode auto_redirect_ui_login_to_sso", _UI),
    ("disable_env_credential_login hide_default_credentials_hint disable_password_login_when_sso_enabled", _UI),
    ("allow_user_auth enable_oauth2_auth enable_oauth2_proxy_auth oauth2_config_mappings", "use lingate.jwt"),
    ("litellm_jwtauth role_permissions enforce_rbac", "use lingate.jwt"),
    ("otel tracing", "use lingate.tracing"),
    ("admin_only_routes public_routes allowed_routes", "the admin API needs an admin key, everything else any key"),
    ("litellm_license", "everything is included"),
    ("max_response_size_mb max_file_size_mb max_batch_file_size_mb max_batch_file_records", _BATCHES),
    (
        "max_batch_file_uploads_per_day max_file_downloads_per_minute allowed_file_extensions blocked_file_extensions",
        _BATCHES,
    ),
    ("disable_batch_input_file_rate_limiting track_unmanaged_batch_cost", _BATCHES),
    ("max_in_flight_requests_per_worker", "use lingate.limits.max_in_flight"),
    (
        "max_queued_requests_per_worker",
        "calls beyond lingate.limits.max_in_flight are refused at once, with Retry-After",
    ),
    (
        "admission_queue_timeout_seconds",
        "calls beyond lingate.limits.max_in_flight are refused at once, with Retry-After",
    ),
    (
        "database_connection_pool_limit database_connection_timeout database_connection_pool_timeout database_type database_args",
        "put it into database_url",
    ),
    (
        "database_connect_timeout database_socket_timeout database_max_idle_connection_lifetime",
        "put it into database_url",
    ),
    ("database_extra_connection_params database_disable_prepared_statements disable_prisma_schema_update", _NOTHING),
    ("allow_requests_on_db_unavailable", "known keys always work without the database, unknown ones never"),
    (
        "coordination_redis fail_closed_rate_limit_enforcement fail_closed_budget_enforcement",
        "without Redis, limits are local",
    ),
    (
        "disable_budget_reservation disable_reset_budget disable_spend_updates",
        "budgets are always reserved and settled",
    ),
    ("use_redis_transaction_buffer proxy_batch_write_at", "the ledger's journal does this"),
    ("disable_error_logs spend_logs_metadata_fields spend_capture_rate_check", _LOGS),
    ("maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval", "rows are cleaned up every hour"),
    (
        "store_model_in_db supported_db_objects disable_model_info_refresh",
        "models are in the configuration file, which is read again when it changes",
    ),
    ("proxy_config_reload_interval_seconds", "use lingate.reload"),
    ("cancel_on_disconnect", "always: a client that leaves ends its call at the provider"),
    ("health_check_details health_check_skip_disabled_background_models use_shared_health_check", "see /health/ready"),
    (
        "background_health_check_model_groups model_list_healthy_only enable_health_check_routing",
        "failed health checks count like failed calls",
    ),
    (
        "health_check_staleness_threshold health_check_ignore_transient_errors",
        "failed health checks count like failed calls",
    ),
    ("user_api_key_cache_ttl user_api_key_cache_max_size", "keys are in memory and refreshed by themselves"),
    ("user_header_mappings", "use user_header_name"),
    ("enforced_params reject_clientside_metadata_tags token_rate_limit_type service_account_settings", _KEYS),
    ("default_team_disabled disable_custom_api_keys disable_key_generate_for_org_admin", _KEYS),
    ("disable_auto_add_proxy_admin_to_teams apply_user_budget_to_team_keys", _KEYS),
    ("disable_master_key_return dangerously_permit_weak_or_unset_master_key", "the master key is never shown again"),
    ("forward_openai_org_id forward_llm_provider_auth_headers", "use lingate.forward_headers"),
    ("always_include_stream_usage", "usage is always asked for, and shown to those who ask"),
    ("expose_fallback_errors_to_caller include_call_id_in_error_body", "every answer has x-lingate-call-id"),
    ("disable_responses_id_security allow_unmanaged_response_ids", _NOTHING),
    ("disable_retry_on_max_parallel_request_limit_error", _NOTHING),
    ("enable_drain_endpoint drain_endpoint_token", "send SIGTERM; see lingate.drain"),
    ("plugins control_plane_url enable_claude_code_gateway claude_code_gateway_managed_settings", _NOTHING),
    ("vector_store_deny_by_default search_tool_deny_by_default search_tools", _SEARCH),
    ("mcp_allow_all_keys_respects_mcp_scope mcp_client_side_auth_header_name mcp_internal_ip_ranges", _MCP),
    ("mcp_required_fields mcp_trusted_proxy_ranges enable_mcp_registry user_mcp_management_mode", _MCP),
)

CACHE_PARAMS: Mapping[str, str] = _table(
    (
        "similarity_threshold redis_semantic_cache_embedding_model redis_semantic_cache_index_name",
        "answers are cached for equal calls only",
    ),
    (
        "qdrant_semantic_cache_embedding_model qdrant_api_base qdrant_api_key qdrant_collection_name",
        "answers are cached for equal calls only",
    ),
    (
        "qdrant_quantization_config qdrant_semantic_cache_vector_size semantic_cache_scope",
        "answers are cached for equal calls only",
    ),
    (
        "s3_bucket_name s3_region_name s3_endpoint_url s3_aws_access_key_id s3_aws_secret_access_key s3_path",
        "use type: redis",
    ),
    (
        "gcs_bucket_name gcs_path gcs_path_service_account azure_account_url azure_blob_container disk_cache_dir",
        "use type: redis",
    ),
    (
        "redis_startup_nodes gcp_service_account gcp_ssl_ca_certs max_connections service_name sentinel_nodes",
        "put one address into url",
    ),
    ("redis_flush_size", _NOTHING),
    ("ssl_cert_reqs ssl_check_hostname ssl_ca_certs", "put them into url: rediss://...?ssl_cert_reqs=none"),
)

DEPLOYMENT: Mapping[str, str] = _table(
    ("max_budget budget_duration", "set budgets on keys and teams"),
    ("itpm otpm", "use tpm"),
    ("default_api_key_tpm_limit default_api_key_rpm_limit", _KEYS),
    ("tag_regex", "use tags"),
    ("keepalive_seconds allow_client_keepalive_override", "use litellm_settings.sse_keepalive_ping_interval_seconds"),
    (
        "configurable_clientside_auth_params",
        "use general_settings.allow_client_side_credentials and lingate.allowed_hosts",
    ),
    ("litellm_trace_id max_file_size_mb use_in_pass_through use_litellm_proxy use_chat_completions_api", _NOTHING),
    ("merge_reasoning_content_in_choices", "reasoning stays in reasoning_content"),
    ("mock_response mock_timeout", "use `lingate simulate` as the provider"),
    ("timeout_by_service_tier stream_timeout_by_service_tier", "use timeout and stream_timeout"),
    ("provider_affinity_header", "use optional_pre_call_checks"),
    ("ssl_verify", "use SSL_CERT_FILE"),
    ("allowed_openai_params", "parameters go out unless the provider's row says it refuses them"),
    ("cache_control_injection_points", "mark content with cache_control in the application"),
    ("allowed_model_region region_name_required", "make a group for each region"),
    ("guardrails", _GUARDRAILS),
    ("aws_sts_endpoint aws_session_tags aws_bedrock_project_id aws_batch_role_arn bedrock_tags", _SECRETS),
    ("azure_username azure_password azure_scope", "sign in with a service principal or a managed identity"),
    ("watsonx_region_name", "use api_base"),
    ("model_info", "put model_info beside litellm_params"),
)

_DEPLOYMENT_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r".*_cost(_per)?(_.*)?|.*_uplift_multiplier.*|tiered_pricing|off_peak_pricing"),
        "prices are for a token of input, output, cache and reasoning",
    ),
    (
        re.compile(r"(auto_router|complexity_router|quality_router|adaptive_router)_.*"),
        "write the routing as groups and fallbacks",
    ),
    (re.compile(r"(s3|gcs|milvus|valkey)_.*|bucket_name|vector_store_id"), _BATCHES),
    (
        re.compile(r"(anthropic|openai)_(identity|federation|keycloak|issuer|service_account|organization|disable)_.*"),
        _SECRETS,
    ),
)

MODEL_INFO: Mapping[str, str] = _table(
    ("access_windows team_id team_public_model_name member_auto_router discoverable blocked", _KEYS),
    (
        "health_check_model health_check_timeout health_check_voice disable_background_health_check",
        "models are listed, not called",
    ),
    ("allow_fail_open enable_tag_filtering", "use router_settings.enable_tag_filtering"),
    ("ptu_count cost_per_ptu_per_hour ptu_effective_from ptu_effective_to", "prices are for a token"),
)

DESCRIPTIVE = re.compile(
    r"supports_\w+|description|tier|version|litellm_provider|created_at|created_by|updated_at|updated_by|db_model"
    r"|supported_\w+|input_type|domain|region_name|health_check_\w+|key|output_vector_size|rpm|tpm|source|metadata|tags"
)
"""Keys of `model_info` that only describe: taken, and shown by nothing."""

INTEGRATIONS = frozenset({"prometheus", "prometheus_system", "otel", "opentelemetry"})
"""Callbacks that are here."""

STRATEGIES: Mapping[str, str] = {
    "provider-budget-routing": "set budgets on keys and teams",
    "auto-router": "write the routing as groups and fallbacks",
}


def deployment_undone(key: str) -> str | None:
    """What to use instead of a parameter of a deployment; None where it is none of LiteLLM's."""
    found = DEPLOYMENT.get(key)
    if found is not None:
        return found
    return next((instead for pattern, instead in _DEPLOYMENT_PATTERNS if pattern.fullmatch(key)), None)


REQUEST: frozenset[str] = _words(
    """temperature top_p top_k min_p top_a n stop max_tokens max_completion_tokens presence_penalty frequency_penalty
    repetition_penalty logit_bias user response_format seed tools tool_choice functions function_call parallel_tool_calls
    logprobs top_logprobs reasoning_effort reasoning thinking verbosity web_search_options service_tier safety_identifier
    store metadata prompt_cache_key prompt_cache_retention modalities prediction audio context_management
    dimensions encoding_format input_type truncate task_type size quality style background moderation
    voice speed instructions language prompt num_ctx num_predict keep_alive think enable_thinking chat_template_kwargs
    safety_settings guardrailConfig performanceConfig include_reasoning provider transforms models route plugins
    return_citations search_domain_filter search_recency_filter top_n return_documents max_chunks_per_doc
    stream_options include truncation"""
)
"""Parameters of a request that may stand in `litellm_params`; any other goes into `extra_body`."""
