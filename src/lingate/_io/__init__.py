# The only place for sockets, threads, event loops, clocks and the environment.
