# Answers that are kept for equal calls: in memory or in Redis, each caller's apart unless the owner says otherwise.

from lingate.server.cache.answers import Answers, Wish, answers_of, collected, outlived

__all__ = ["Answers", "Wish", "answers_of", "collected", "outlived"]
