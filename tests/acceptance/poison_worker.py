"""A worker whose parsers can be poisoned by a document: ``python -m tests.acceptance.poison_worker``.

It is the portal's own worker; only the program that it starts for each document is the one of the tests,
which reads documents as ever, or does what a poison document says.
"""

import sys

from celery.__main__ import main

from ingestion.parsing import sandbox

if __name__ == "__main__":
    sandbox._CHILD = "tests.ingestion.parsing.poison"
    sys.argv[0] = "celery"
    main()
