# NLP Cloud's text generation: a prompt in, a text out, no streams (https://docs.nlpcloud.com/#generation).

from __future__ import annotations

from urllib.parse import quote

from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import join_url
from lingate._dialects._params import CHAT_FIELDS, answer_limit, sampling, stops, write_rest
from lingate._dialects._texts import TextForm, answer, begin, choice_of, counts, question_of, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Head, HttpRequest, JsonDict, Target

_SAMPLING = ("temperature", "top_p", "top_k", "repetition_penalty")


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST /{model}/generation`.
    draft = begin(call, target)
    body: JsonDict = {"text": question_of(draft), "remove_input": True}
    body.update(sampling(draft, _SAMPLING))
    limit = answer_limit(draft)
    if limit is not None:
        body["max_length"] = limit
    if wire := stops(draft, 1):
        body |= {"end_sequence": wire[0], "remove_end_sequence": True}
    write_rest(draft, CHAT_FIELDS.union(_SAMPLING))
    body.update(draft.body)
    return send(draft, join_url(target.url, f"/{quote(target.model, safe='')}/generation", ""), body)


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(sent, head, body)
    if not isinstance(raw.get("generated_text"), str):
        raise malformed(sent.target, "the answer has no generated_text")
    usage = counts(raw.get("nb_input_tokens"), raw.get("nb_generated_tokens"))
    return answer(sent, [choice_of(raw["generated_text"], None)], usage), raw


DIALECT = Dialect(
    name="nlpcloud_generation", operations={"chat": TextForm(chat_request, read_chat)}, render_error=render_error
)
