"""A stand-in for deepwiki's configuration: what its chat code relies on, in the places where the recipe looks for it."""

import json
import logging
from pathlib import Path

logger = logging.getLogger(__name__)


class DashscopeClient:
    pass


# fmt: off
CLIENT_CLASSES = {
    "DashscopeClient": DashscopeClient
}
# fmt: on

configs = {}


def load():
    folder = Path(__file__).parent / "config"
    configs.update(json.loads((folder / "generator.json").read_text()))
    for entry in configs["providers"].values():
        entry["model_client"] = CLIENT_CLASSES.get(entry["client_class"])


def get_model_config(provider, model=None):
    provider_config = configs["providers"][provider]
    model_client = provider_config["model_client"]
    if not model_client:
        raise ValueError(f"Model client not specified for provider '{provider}'")
    model = model or provider_config["default_model"]
    models = provider_config["models"]
    model_params = models.get(model) or models[provider_config["default_model"]]
    result = {
        "model_client": model_client,
    }
    result["model_kwargs"] = {"model": model, **model_params}
    return result
