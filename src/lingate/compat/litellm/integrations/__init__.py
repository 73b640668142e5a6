"""Where `litellm.integrations` has its modules."""
