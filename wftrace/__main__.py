"""``python -m wftrace`` is the ``wftrace`` command."""

import sys

from wftrace.cli import main

if __name__ == "__main__":
    sys.exit(main())
