"""`CustomLogger`, where `litellm.integrations.custom_logger` has it."""

from __future__ import annotations

from lingate.compat.litellm._callbacks import CustomLogger

__all__ = ["CustomLogger"]
