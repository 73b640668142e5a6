# The gateway: `lingate serve`.

# Needs the extra `server`.
