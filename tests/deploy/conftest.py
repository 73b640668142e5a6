"""Fixtures of the deployment's tests."""

from __future__ import annotations

from tests.services import postgres, postgres_server, redis, redis_server

__all__ = ["postgres", "postgres_server", "redis", "redis_server"]
