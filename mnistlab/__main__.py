"""`python -m mnistlab` is the command line."""

import sys

from mnistlab.cli.commands import main

sys.exit(main())
