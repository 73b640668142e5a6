# `litellm._logging`: the loggers of LiteLLM, which are Lingate's.

from __future__ import annotations

import logging

verbose_logger = verbose_router_logger = verbose_proxy_logger = logging.getLogger("lingate")


def _turn_on_debug() -> None:
    # Log what is done, to standard error where nobody else has said where to.
    verbose_logger.setLevel(logging.DEBUG)
    if not verbose_logger.hasHandlers():
        verbose_logger.addHandler(logging.StreamHandler())


def _disable_debugging() -> None:
    verbose_logger.setLevel(logging.WARNING)
