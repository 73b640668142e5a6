"""What Lingate costs beside its peers: CPU per call and per streamed chunk, start-up, memory, install size."""
