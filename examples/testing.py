"""Test your own code against a provider that runs in the test: real HTTP, and every fault on request (extra `simulator`)."""

import lingate
from lingate.simulator import Simulator


def summary(client: lingate.Lingate, text: str) -> str:
    """What is to be tested."""
    return client.chat("openai/gpt-4o-mini", f"In one line: {text}").text


with Simulator() as simulator:
    providers = {
        "openai": {"api_key": "any", "api_base": f"{simulator.url}/v1", "headers": {"x-sim-fault": "500; times=1"}}
    }
    # An environment of its own: no key and no address of yours plays a part.
    with lingate.Lingate({"providers": providers}, env={}) as client:
        assert "the tide" in summary(client, "the tide")
    statuses = simulator.stats()["by_status"]
    print("a 500, then an answer:", dict(sorted(statuses.items())))
