# Azure OpenAI asked for everything through the Responses API, for models that know no other.

from lingate._dialects._adapted import Rehosted
from lingate._dialects._base import Dialect
from lingate._dialects.azure_openai import responses_target
from lingate._dialects.openai_responses import DIALECT as OPENAI_RESPONSES

DIALECT = Dialect(
    name="azure_responses",
    operations={name: Rehosted(inside, responses_target) for name, inside in OPENAI_RESPONSES.operations.items()},
    render_error=OPENAI_RESPONSES.render_error,
)
