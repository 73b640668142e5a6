# One call as pure generators: what to send, when to try again, what the pieces of a stream add up to. No I/O here.
