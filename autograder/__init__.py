"""Builds the attention course from its masters, grades submissions, and proves that its tests are right."""
