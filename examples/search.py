"""A search in a few lines: texts become vectors, and the nearest are put in order."""

import lingate

TEXTS = ["the tide rises at noon", "bread needs flour", "the moon pulls the tide"]
QUESTION = "tide and moon"

vectors = [item.embedding for item in lingate.embed("openai/text-embedding-3-small", [*TEXTS, QUESTION]).data]
*known, asked = vectors
near = sorted(zip(TEXTS, known, strict=True), key=lambda item: -sum(a * b for a, b in zip(item[1], asked, strict=True)))
print("nearest:", [text for text, _ in near[:2]])

ranked = lingate.rerank("cohere/rerank-v3.5", QUESTION, TEXTS, top_n=1)
print("best:", TEXTS[ranked.results[0].index])
