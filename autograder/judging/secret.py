"""A course's own secret, from which hidden inputs are drawn anew: the repository is public, and its own draws with it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

SHORTEST = 16  # characters


class SecretError(Exception):
    """A seed file that cannot be used; the text is one sentence and holds nothing of the file."""


@dataclass(frozen=True)
class Secret:
    """The key that inputs are drawn with, never shown, and the fingerprint that tells two secrets apart."""

    fingerprint: str
    key: bytes = field(repr=False, compare=False)

    def for_zip(self, notebook: str) -> bytes:
        """A key for one notebook's `autograder.zip`, from which neither the secret nor the draws of `grade` follow.

        Where Gradescope runs the tests, a submission can read it: it is worth that notebook's inputs there, and no more.
        """
        return hmac.digest(self.key, f"gradescope/{notebook}".encode(), "sha256")


def read_secret(path: Path) -> Secret:
    """The secret in a file: any text that nobody can guess; raises SecretError. Reading it takes a tenth of a second on
    purpose, so that a fingerprint does not help anybody who tries words.
    """
    try:
        text = path.read_bytes().strip()
    except OSError as error:
        raise SecretError(f"the seed file {path} cannot be read ({error.strerror})") from None
    if len(text) < SHORTEST:
        raise SecretError(
            f"the seed file {path} holds fewer than {SHORTEST} characters, which can be guessed: make one with "
            f"`python -c 'import secrets; print(secrets.token_hex())' > {path.name}`"
        )
    made = hashlib.scrypt(text, salt=b"attention-course hidden inputs", n=2**14, r=8, p=1, dklen=64)
    return Secret(made[32:].hex()[:12], made[:32])
