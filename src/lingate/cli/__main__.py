"""`python -m lingate.cli`."""

import sys

from lingate.cli import main

sys.exit(main())
