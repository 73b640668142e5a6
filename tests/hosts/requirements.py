"""What the five host applications need, one line each. Tests name these with `@pytest.mark.requirement("vui R4")`."""

from __future__ import annotations

_TEXTS = {
    "X": """
1 an answer with tool calls ends with `tool_calls`, also in the last chunk of a stream
2 nothing is None where a host expects text, numbers or a list
3 temperature and top_p together: where a model refuses both, top_p is left out
4 more stop sequences than a provider takes: the wire gets what it takes, all of them hold
5 an empty list of tools and a null stop are left out
6 tool messages without `tools`, late or several system messages, empty or null assistant content are accepted
7 a message list of nothing but a system message is never sent for prefill
8 the text and type of an error is what the host's own handling looks for, and nothing else sounds like it
9 completions can be pickled, arguments of calls are JSON, counts and messages have the types a host reads
10 no state of a call on a client: one instance serves many threads
11 leaving a stream early, or being cancelled in it, lets the upstream go
12 parameters that a provider does not know are accepted: chat_template_kwargs, top_k, a tool's strict, stream_options
13 the gateway answers /api/version and /v1/models, and streams as the hosts' own parsers read
14 one retry loop: nothing is tried again above or below it
""",
    "deepwiki": """
1 one client class for any provider/model: waiting, awaited, streamed, embeddings
2 registered by name in the configuration, with an entry in generator.json that takes custom models
3 adalflow is optional: importing works without it, using the client names the command
4 key and base URL by constructor, else the provider's variables; a blank key is none
5 parameters that a provider does not have are left out
6 safe to share between threads: no state of a call on the instance
7 completions and streams are mapped to the right fields of adalflow's output
8 only what may pass is tried again, never a refused key, a wrong model or a wrong request
9 no prompts and no keys in logs
10 registration is not rebuilt in a loop
11 every package that is imported is declared
12 settings given twice are no TypeError, and which of them wins is fixed
13 what is tried again in a stream is explicit, and the time for it is useful
14 the serving paths hand key and base URL of the configuration to the constructor
15 no dead client initialisation, one place for each connection setting
16 no import that can keep the whole server from starting
17 to_dict and from_dict round trip; what is not kept is documented
18 the serving paths use the client's own reading of streams
19 what may be tried again is decided by class, not by words
20 the default model is neutral
21 nothing is imported that is not used
22 the remaining risks are covered: both serving paths, the second try, the dict, double settings, no adalflow
23 no model named, a default that is a model, the second try, the max_tokens trap, completions in adalflow's cache
""",
    "director": """
1 extends BaseLLM with a configuration; a variable selects any provider/model
2 DEFAULT_LLM selects it, also beside OPENAI_API_KEY, and only DEFAULT_LLM does; no key of its own is required
3 top_p and every other tunable is forwarded
4 an answer without counts has zero tokens
5 tool arguments that are empty, missing or no JSON are an empty dict; failures of parsing are failures of the call
6 no mutable default for tools
7 logging with the traceback, never print
8 the user sees a generic text, never the provider's own
9 a failure sets the error status and zero tokens
10 the host's status constants are used, not redefined
11 the dependency is pinned as the host pins
12 tests of selection do not depend on the environment
13 messages and tools in OpenAI's format; tool history round trips; tool_choice, response_format and stop passed
14 nothing heavy is imported before the first call; what is missing is named
15 finish reasons are those on which the host's loop ends
""",
    "second-brain": """
1 a backend for any provider/model; key from the profile or the provider's variables; endpoint and context size honoured
2 plain, streamed and tool answers have one type; null text is empty; tokens are reported
3 attachments go into the last user message; what a model can see comes from the profile
4 not loaded is an error answer, never an exception; a stream of it yields nothing
5 response_format, tool_choice and other parameters pass through
6 rate limits, refused keys and unknown models are never taken for an overflow of the context
7 a real overflow triggers compaction once for each attempt
8 parameters that a provider does not have are left out
9 imported when it is needed; a missing package is a clear failure to load
10 additive: other backends and unknown names are unaffected
11 the dependency's range is pinned
12 a long deadline, counts in streams, cancellation is not swallowed, safe in the host's pool
""",
    "vui": """
1 variables select backend, address and model; make_backend with a model works
2 stream, complete, list_models and set_model
3 the gateway backend is a subclass of the host's with the differences only
4 prefill makes no request
5 bearer key when one is set, none when unset; documented
6 the body is without top_k and chat_template_kwargs, everything else stays
7 the context gauge has a meaningful maximum
8 tests are named for what they assert
9 presence_penalty stays in the body
10 ten stop sequences, arguments as dicts, both context numbers, health, httpx errors, leaving early
""",
    "fast-agent": """
1 first in the picker's providers, with at least twenty curated models of at least sixteen backings
2 the scope `all` lists the whole catalogue
3 marks come from a static map of variables: no sign-in, no blocking
4 the provider is active exactly if the package is there
5 credentials from the environment, the configuration, the proxy, in this order
6 proxy mode: base, key, time-out and headers are forwarded; explicit arguments win
7 no key is needed at the host's layer; its own key is for the proxy
8 a narrow client: chat completions, everything else refuses loudly
9 streams, tools, structured output, reasoning and cached tokens keep working
10 settings for key, base, default model, drop_params, extra arguments and headers
11 optional, and imported when it is needed
12 model names with colons and at signs are read; the factory finds the class
13 a missing key and an unknown deployment give the provider's clear message
""",
}


def _read() -> dict[str, str]:
    found = {}
    for host, text in _TEXTS.items():
        for line in text.strip().splitlines():
            number, _, words = line.partition(" ")
            found[f"X{number}" if host == "X" else f"{host} R{number}"] = words
    return found


REQUIREMENTS = _read()
"""What is required, by id: `X4`, `vui R10`."""
