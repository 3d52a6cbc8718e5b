"""torch for a process that grades: imported when the first of its names is used, and not before.

To hold what a worker sent back against the right numbers takes NumPy only, and torch takes longer to import than
everything else together. Exercises go on saying `import torch`; what they get becomes the real one when they use it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType
from typing import Any


class _Late(ModuleType):
    """A module that is there in name, until it is asked for anything."""

    def __getattr__(self, name: str) -> Any:
        _load(self)
        return getattr(self, name)


class _Parts(MetaPathFinder):
    """Finds `torch.nn` and the like for whoever imports them first: torch has imported them itself then."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Load torch; the part that it has imported by that, or None, so that Python goes on looking."""
        if not name.startswith("torch."):
            return None
        _load(sys.modules["torch"])
        module = sys.modules.get(name)
        if module is None:
            return None
        module.__spec__ = spec_from_loader(name, _Ready(module))  # Python takes this one, once a module is there
        return module.__spec__


class _Ready(Loader):
    """Gives a module that is there already, as it was."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do but to give back what belongs to it."""
        module.__spec__ = self.spec


_PARTS = _Parts()


def install() -> None:
    """Put a late module into the place of torch, unless torch is there already or is not installed."""
    spec = None if "torch" in sys.modules else find_spec("torch")
    if spec is not None:
        late = _Late("torch")
        late.__spec__, late.__loader__, late.__file__, late.__package__ = spec, spec.loader, spec.origin, spec.name
        late.__path__ = spec.submodule_search_locations or []
        sys.modules["torch"] = late
        sys.meta_path.insert(0, _PARTS)


def reseed() -> None:
    """Let all global generators begin as they do at every check; where torch is not there yet, it will when it is."""
    if not isinstance(sys.modules.get("torch"), _Late):
        from attnkit.checking import ambient

        ambient.reseed()


def _load(late: ModuleType) -> None:
    """Run torch's own code in the module that stands for it, and leave it as every process of ours has it."""
    if not isinstance(late, _Late):
        return
    spec = late.__spec__
    assert spec is not None
    assert spec.loader is not None
    late.__class__ = ModuleType  # type: ignore[assignment]  # so that no name is looked up here any more
    sys.meta_path.remove(_PARTS)
    spec.loader.exec_module(late)
    late.set_num_threads(1)
    reseed()
