"""Where `litellm.types` has its modules."""
