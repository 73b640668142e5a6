"""`python -m lingate`: the command, where its script is not on the path."""

import sys

from lingate.cli import main

sys.exit(main())
