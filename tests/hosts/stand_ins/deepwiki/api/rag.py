"""A stand-in for deepwiki's retrieval: how it makes the client."""


def generator(**arguments):
    return arguments


def client_of(generator_config):
    made = generator(
        model_client=generator_config["model_client"](),
        model_kwargs=generator_config["model_kwargs"],
    )
    return made["model_client"]
