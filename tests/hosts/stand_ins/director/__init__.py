"""What Director's LLM contract promises, for tests without Director."""
