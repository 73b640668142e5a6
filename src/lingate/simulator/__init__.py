"""A provider to develop and test against: speaks the dialects over real HTTP, and fails on request.

    with Simulator() as simulator:
        client = openai.OpenAI(base_url=simulator.url + "/v1", api_key="any")
        client.chat.completions.create(model="sim-words-20", messages=[...])
        simulator.stats()["billed"]["total"]

`GET /` of a running simulator says what it understands; `FAULTS` lists what can go wrong. Needs `lingate[simulator]`.
"""

from lingate.simulator.faults import FAULTS
from lingate.simulator.runner import Simulator, serve
from lingate.simulator.stats import RecordedRequest, fingerprint

__all__ = ["FAULTS", "RecordedRequest", "Simulator", "fingerprint", "serve"]
