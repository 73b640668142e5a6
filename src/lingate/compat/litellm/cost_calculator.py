"""The names of `litellm.cost_calculator`: loaded on first use from where they live."""

from lingate.compat.litellm._names import exported

__getattr__ = exported("cost_calculator")
