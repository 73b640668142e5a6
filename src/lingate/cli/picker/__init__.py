# The terminal picker: `state` says what is shown and what a key does, `frame` draws it, `opening` and `app` put it on a screen.
