"""Folders for a while: whatever is in them goes, nothing else does, and what is left behind blocks nobody."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from autograder.grading.run import scratch

DEEPER_THAN_A_STACK = 1200


@pytest.fixture(autouse=True)
def nothing_deep_is_left(tmp_path):
    """Whatever a test finds: a deep folder that stays would end every program that removes folders by recursion."""
    yield
    for _ in range(DEEPER_THAN_A_STACK):
        if not (tmp_path / "deep" / "d").is_dir():
            return
        (tmp_path / "deep" / "d").rename(tmp_path / "lifted")
        (tmp_path / "deep").rmdir()
        (tmp_path / "lifted").rename(tmp_path / "deep")


def deep_folder(place: Path, depth: int) -> Path:
    """`depth` folders, each in the one before."""
    top = place / "deep"
    top.mkdir()
    inner = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=inner)
        inner, outer = os.open("d", os.O_RDONLY, dir_fd=inner), inner
        os.close(outer)
    os.close(inner)
    return top


def test_no_depth_is_too_much(tmp_path):
    assert scratch.remove(deep_folder(tmp_path, DEEPER_THAN_A_STACK))
    assert list(tmp_path.iterdir()) == []


def test_permissions_that_were_taken_away_are_no_hindrance(tmp_path):
    folder = tmp_path / "closed"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    for closed in (folder / "a" / "b", folder / "a", folder):
        closed.chmod(0)
    assert scratch.remove(folder)
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "inner" / "link").symlink_to(outside)
    assert scratch.remove(folder)
    assert (outside / "kept").read_text() == "x"
    link = tmp_path / "a link itself"
    link.symlink_to(outside)
    assert not scratch.remove(link)
    assert (outside / "kept").read_text() == "x"


def test_names_that_meet_at_the_top_do_not_overwrite_each_other(tmp_path):
    folder = tmp_path / "folder"
    for path in ("a/same/a/same", "b/same/b", "same/a"):
        (folder / path).mkdir(parents=True)
        (folder / path / "file").write_text("x")
    assert scratch.remove(folder)


def test_removing_is_bounded(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(20):
        (folder / str(number)).write_text("x")
    assert not scratch.remove(folder, most_steps=10)
    assert 0 < len(list(folder.iterdir())) < 20
    assert scratch.remove(folder)


def test_what_is_gone_already_is_removed(tmp_path):
    assert scratch.remove(tmp_path / "never there")


def test_what_a_killed_owner_left_goes_at_the_next_start_and_nothing_else_does(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stale, held, young, other = (tmp_path / name for name in ("mine-stale", "mine-held", "mine-young", "other"))
    for folder in (stale, held, young, other):
        folder.mkdir()
        (folder / "unpacked").write_text("x")
        if folder is not young:
            os.utime(folder, (1, 1))
    with scratch.held(held), scratch.scratch_folder("mine-") as fresh:
        assert fresh.parent == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine-held", "mine-young", "other"]


@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_a_leftover_that_cannot_be_removed_blocks_nobody(tmp_path, monkeypatch, error):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "mine-stale").mkdir()
    os.utime(tmp_path / "mine-stale", (1, 1))

    def refused(*arguments, **options):
        raise error(1, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(scratch, "_empty", refused)
        with scratch.scratch_folder("mine-"):
            pass
