# The API's endpoints: what the user wrote becomes a canonical call, with clear errors; nothing is sent here.

# Their functions take the model as its provider names it, what the endpoint is about, and the endpoint's parameters under
# OpenAI's names, where None means not set; the rest are `Extras`. What has the wrong type is a `ConfigError` that says
# what and where.
