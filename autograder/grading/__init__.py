"""From a pile of handed-in notebooks to a gradebook: find, run in a sandbox, score, record, report."""

from autograder import late_torch

late_torch.install()
