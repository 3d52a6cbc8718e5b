"""How a wrong answer differs from the right one, in a sentence that is true by construction.

Searched only for answers that are wrong and have no name. A relation is stated when it holds in every wrong case that gave
numbers. It says nothing of the numbers themselves, so that a hidden test may state it, too.
"""

from attnkit.checking.relations.search import Relation, Step, described, explain

__all__ = ["Relation", "Step", "described", "explain"]
