"""One file per API endpoint: what the user wrote becomes a canonical call, with clear errors; nothing is sent here."""
