"""What holds for all tests."""

import os

os.environ["ATTNKIT_PROGRESS"] = "off"  # no test writes into a developer's own logbook
