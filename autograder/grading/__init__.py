"""From a pile of handed-in notebooks to a gradebook: find, run in a sandbox, examine, record, report."""
