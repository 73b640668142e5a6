# Bytes to records and back, pure: JSON, SSE, NDJSON. Incremental decoders share `feed` and `finish`.
