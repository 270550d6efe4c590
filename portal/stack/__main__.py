"""`python -m portal.stack CONFIG`: the supervisor on its own; `manage.py up` becomes this process."""

import sys

from portal.stack.config import StackConfig
from portal.stack.up import bring_up

if __name__ == "__main__":
    sys.exit(bring_up(StackConfig.loaded(sys.argv[1])))
