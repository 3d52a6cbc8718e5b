"""The build: what it makes is fresh, holds no answer where none may be, and its own checks can fail."""

import copy
import json

import nbformat
import pytest
import torch

from autograder.building import assign as assign_module
from autograder.building.assign import BuildError, Assigned
from autograder.building.build import _check_leaks, _check_scores, _check_tests, make, score_in_process, stale_files
from autograder.building.bundle import canonical_zip
from autograder.building.master import MasterError, answer_lines_of, read_master, solved_notebook, without_markers, with_prompts
