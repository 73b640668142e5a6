"""`python -m lingate.hosts.fast_agent`: fast-agent's command line with Lingate in its process."""

from lingate.hosts._shared import launch
from lingate.hosts.fast_agent import main

if __name__ == "__main__":
    launch(main)
