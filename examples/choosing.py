"""Which models there are, and which of them could be asked from here: from tables, without the network."""

import lingate

ready = [info.name for info in lingate.providers() if info.present]
print("credentials:", ", ".join(ready))

for offer in lingate.catalog("curated"):
    if lingate.credentials(offer.provider).present and "image" in offer.inputs:
        print(f"{offer.model}: {offer.context:,} tokens, ${offer.input} in, ${offer.output} out")
