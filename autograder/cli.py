"""The command `autograder`; every subcommand is imported only when it is used."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "build": ("autograder.building.command:build", "Make every generated file from the masters in solutions/."),
    "grade": ("autograder.grading.command:grade", "Grade a class: folders, archives or single notebooks."),
    "export": ("autograder.term.handback:export", "Fill the file that you downloaded from a platform with the marks."),
    "feedback": ("autograder.term.handback:feedback", "Write the students' pages as a platform's zip."),
    "regrade": ("autograder.term.regrade:regrade", "One question of everybody again, to look at and take over."),
    "new-mistake": ("autograder.term.new_mistake:new_mistake", "Start declaring a mistake that has no name yet."),
    "override": ("autograder.term.command:override", "Set the points of a question by hand, or take that back."),
    "check": ("autograder.grading.check:check", "Examine notebooks of your own with every test."),
    "progress": ("autograder.progress:progress", "Say which exercises you have done and what is next."),
    "release": ("autograder.releasing.command:release", "Make what is handed out: attnkit, and the two bundles."),
    "prove": ("autograder.proving.command:prove", "Show that the tests catch every known mistake."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "autograder").split(".")[0] in ("autograder", "attnkit"):
                raise
            raise click.ClickException(
                f"`autograder {name}` needs {error.name}, which is not installed: `pip install 'attention-course[build]'`"
            ) from None
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="attention-course", prog_name="autograder")
def main() -> None:
    """Build the attention course, grade its notebooks, and prove its tests."""
