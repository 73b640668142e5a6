"""LiteLLM's keys that have no effect here, each with what to use instead. Names as LiteLLM 1.106 and its documents have them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_GUARDRAILS = "guardrails are not here: put a moderation service in front, or call /v1/moderations"
_MCP = "the gateway speaks to models, not to tools: run an MCP server of your own"
_ALERTS = "alert on /metrics"
_LOGS = "use the ledger (admin API, CSV), /metrics and OpenTelemetry traces"
_UI = "the pages at /ui take the key of an administrator, and are for looking only"
_SECRETS = "let your platform put secrets into the environment"
_BATCHES = "files and batches go to the provider directly"
_ONE_DEPLOYMENT = "set it on each deployment"
_NOTHING = "not needed here"
_KEYS = "set it on keys and teams with the admin API"
_METRICS = "the metrics are fixed, see docs/observability.md"
_SEARCH = "retrieval belongs to the application"
_PROMPTS = "keep prompts in the application"


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _table(*entries: tuple[str, str]) -> dict[str, str]:
    return {name: instead for names, instead in entries for name in names.split()}


TOP: Mapping[str, str] = _table(
    ("guardrails policies policy_attachments", _GUARDRAILS),
    ("mcp_servers mcp_tools mcp_aliases", _MCP),
    ("callback_settings", _LOGS),
    ("prompts", _PROMPTS),
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
    ("vertex_ai_safety_settings vertex_project vertex_location default_vertex_config", _ONE_DEPLOYMENT),
    ("global_prompt_directory global_bitbucket_config global_gitlab_config", _PROMPTS),
    ("allow_dynamic_callback_disabling argilla_transformation_object langfuse_public_key langfuse_secret_key", _LOGS),
    ("azure_content_safety_params prompt_injection_params", _GUARDRAILS),
    ("compression_interception_params", "shorten prompts in the application"),
    ("prometheus_emit_stream_label", _METRICS),
    ("priority_reservation_settings", _KEYS),
    ("timezone", "days begin at midnight UTC"),
    ("check_provider_endpoint", "models are those of model_list; a pattern stands for all that fit"),
    ("enable_azure_ad_token_refresh", "tokens of a service principal or a managed identity are always refreshed"),
    ("enable_model_config_credential_overrides", "use credential_list and litellm_credential_name"),
    ("REPEATED_STREAMING_CHUNK_LIMIT LITELLM_DISABLE_STOP_SEQUENCE_LIMIT", _NOTHING),
    ("ui_theme_config", _UI),
    ("prometheus_exclude_metrics prometheus_exclude_labels prometheus_emit_input_sequence_length_label", _METRICS),
    ("prometheus_deployment_and_latency_caller_identity prometheus_emit_rate_limit_labels", _METRICS),
    ("prometheus_user_budget_label_include_email_alias prometheus_end_user_metrics_max_series_per_metric", _METRICS),
    ("prometheus_end_user_metrics_ttl_seconds prometheus_end_user_metrics_cleanup_interval_seconds", _METRICS),
    ("prometheus_metrics_max_series_per_metric prometheus_metrics_ttl_seconds", _METRICS),
    ("prometheus_metrics_cleanup_interval_seconds", _METRICS),
    (
        "log_client_error_tracebacks log_auth_failure_key_identity expose_router_debug_in_errors argilla_batch_size",
        _LOGS,
    ),
    ("langfuse_enable_update_trace_keys otel_tenant_destination_mode zerobus_params dynamodb_table_name", _LOGS),
    ("callback_settings overwrite_user_with_key_hash", _LOGS),
    ("skip_tool_message_in_guardrail llamaguard_unsafe_content_categories", _GUARDRAILS),
    ("filter_invalid_headers bedrock_request_metadata_fields bedrock_neutralize_orphaned_tool_blocks", _NOTHING),
    ("strip_anthropic_total_tokens gemini_live_defer_setup openai_system_messages_first", _NOTHING),
    ("disable_anthropic_gemini_context_caching_transform disable_vertex_batch_output_transformation", _NOTHING),
    ("enable_gemini_default_thinking_level_low add_function_to_prompt", _NOTHING),
    (
        "enable_anthropic_prompt_caching anthropic_prompt_caching_ttl",
        "mark content with cache_control in the application",
    ),
    ("key_alias_pattern default_key_max_budget_alert_emails", _KEYS),
    ("default_redis_batch_cache_expiry caching force_redis_hash_tag_grouping", "use cache and cache_params"),
    ("model_fallbacks", "use router_settings.fallbacks"),
    ("model_cost_map_url", "set the prices of the deployment"),
    ("prompt_name_config_map", _PROMPTS),
    ("public_mcp_hub_strict_whitelist public_skills_index public_agent_groups", _MCP),
    ("agent_search_embedding_model skill_search_embedding_model", _MCP),
    (
        "vector_store_registry vector_store_index_registry vector_store_search_failure_mode apply_search_free_tier",
        _SEARCH,
    ),
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
    ("cache_params", "use litellm_settings.cache and cache_params"),
)

PRE_CALL_CHECKS: Mapping[str, str] = _table(
    ("router_budget_limiting", "set budgets on keys and teams"),
    ("responses_api_deployment_check encrypted_content_affinity", "use session_affinity or deployment_affinity"),
    ("forward_client_headers_by_model_group", "use lingate.forward_headers"),
)
"""Words of `optional_pre_call_checks`."""

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
    ("require_end_user_mcp_access_defined require_key_mcp_access_defined mcp_advertised_versions", _MCP),
    ("mcp_allowed_clients mcp_client_id_header mcp_prefer_client_id_metadata_document", _MCP),
    ("mcp_session_token_signing mcp_xff_num_trusted_hops", _MCP),
    ("allow_cli_sso_verification_uri_complete enable_public_model_hub failed_login_block_seconds", _UI),
    ("failed_login_window_seconds max_failed_login_attempts_per_source", _UI),
    ("max_failed_login_attempts_per_source_overrides password_policy_check_breached_passwords", _UI),
    ("password_policy_min_length password_policy_require_lowercase password_policy_require_numbers", _UI),
    ("password_policy_require_special_characters password_policy_require_uppercase", _UI),
    ("custom_team_metadata_validate team_metadata_schema team_metadata_validation_error_message", _KEYS),
    ("team_metadata_validation_timeout use_team_public_model_name", _KEYS),
    ("allow_public_health_readiness_details", "see /health/ready"),
    (
        "disable_bedrock_agent_runtime_passthrough pass_through_request_timeout passthrough_managed_object_ids "
        "enable_openai_websocket_passthrough responses_websocket_session_limit_seconds",
        "use the faces; a provider of your own goes under lingate.providers",
    ),
    ("enforce_fallback_model_access", "fallbacks are the operator's choice; budgets always hold"),
    (
        "maximum_autorouter_session_retention_period maximum_daily_tag_spend_retention_period "
        "maximum_health_check_retention_period maximum_spend_logs_cleanup_batch_size use_spend_logs_partitioning "
        "maximum_spend_logs_cleanup_batch_timeout maximum_spend_logs_cleanup_max_batches "
        "maximum_spend_logs_cleanup_run_budget",
        "rows are cleaned up every hour",
    ),
    ("missing_session_id scheduled_job_stagger", _NOTHING),
    ("provider_url_destination_allowed_hosts user_url_allowed_hosts user_url_validation", "use lingate.allowed_hosts"),
    ("trusted_proxy_ranges", "use lingate.trusted_proxies"),
    ("skip_batch_input_file_rate_limiting_for_models skip_batch_input_file_rate_limiting_for_providers", _BATCHES),
    ("transcribe_media_buckets", _BATCHES),
    ("custom_auth_settings", "use JWT, or keys made by the admin API"),
    ("UI_USERNAME UI_PASSWORD", _UI),
    ("alerts", _ALERTS),
    ("datadog_api_key", _LOGS),
    ("set_verbose", "use litellm_settings.log_level"),
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
        "redis_startup_nodes gcp_service_account gcp_ssl_ca_certs max_connections service_name sentinel_nodes "
        "sentinel_password",
        "put one address into url",
    ),
    ("redis_flush_size", _NOTHING),
    ("s3_api_version s3_use_ssl s3_verify s3_aws_session_token s3_config", "use type: redis"),
    (
        "valkey_semantic_cache_embedding_model valkey_semantic_cache_index_name max_messages "
        "semantic_cache_embedding_max_input_tokens semantic_cache_embedding_timeout",
        "answers are cached for equal calls only",
    ),
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
    ("prompt_id prompt_variables initial_prompt_value final_prompt_value roles bos_token eos_token", _PROMPTS),
    ("user_continue_message", "begin conversations with a user's message"),
    ("vector_store_ids", _SEARCH),
    ("fireworks_forward_user_id use_xai_oauth", _NOTHING),
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
    ("web_search_billing_unit", "prices are for a token"),
    ("access_groups", "name models, or patterns of models, in the models of keys and teams"),
    ("custom_tokenizer", "providers count tokens"),
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


ELSEWHERE: Mapping[str, str] = _table(
    ("model_id", "write the ARN in model, behind the provider"),
    ("use_psc_endpoint_format", "write the whole address into api_base"),
    ("base_model", "it belongs into model_info"),
)
"""Parameters of a deployment without which it would be another one, and where they go here."""

VARIABLES: Mapping[str, str] = _table(
    ("LITELLM_MASTER_KEY", "use LINGATE_MASTER_KEY or general_settings.master_key"),
    ("DATABASE_URL", "use LINGATE_DATABASE_URL or general_settings.database_url"),
    ("LITELLM_LOG", "use litellm_settings.log_level"),
    ("JWT_PUBLIC_KEY_URL JWT_AUDIENCE JWT_ISSUER", "use lingate.jwt"),
    ("SSL_KEYFILE_PATH SSL_CERTFILE_PATH SERVER_ROOT_PATH", "put a proxy in front"),
    ("STORE_MODEL_IN_DB", "models are in the configuration file, which is read again when it changes"),
)
"""Variables of the environment by which LiteLLM's proxy is configured."""

PREFIXES: Mapping[str, str] = _table(
    ("auto_router", "write the routing as groups and fallbacks"),
    ("dotprompt humanloop langfuse bitbucket gitlab arize_phoenix litellm_agent", _PROMPTS),
)
"""What stands before a model at LiteLLM and is no provider."""


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
    stream_options include truncation project_id space_id min_tokens"""
)
"""Parameters of a request that may stand in `litellm_params`; any other goes into `extra_body`."""
