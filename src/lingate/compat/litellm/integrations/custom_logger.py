"""`CustomLogger`, where `litellm.integrations.custom_logger` has it."""

from lingate.compat.litellm._callbacks import CustomLogger

__all__ = ["CustomLogger"]
