"""``python -m wftrace`` is the ``wftrace`` command."""

import sys

if __name__ == "__main__":
    try:
        from wftrace.cli import main

        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
