"""`python -m lingate.hosts.fast_agent go ...`."""

from lingate.hosts.fast_agent import main

if __name__ == "__main__":
    main()
