"""Adapters that give host applications Lingate as a provider. Each host's own package is imported when it is needed."""
