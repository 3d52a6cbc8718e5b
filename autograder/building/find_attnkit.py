# @title Find attnkit, the course's own package. Run this first: there is nothing to fill in.
import importlib
import pathlib
import sys
import tempfile
import textwrap
import urllib.request
import zipfile

RELEASE = ""
COURSE = ""  # where attnkit can be fetched: a web address or a folder
SIZE = ""
WHEEL = f"attnkit-{RELEASE}-py3-none-any.whl"
UNPACKED = []


class NotHere(ModuleNotFoundError):
    def _render_traceback_(self):  # Jupyter shows the sentence and no trace
        return textwrap.wrap(str(self), 88, break_long_words=False, break_on_hyphens=False)


def imported():
    try:
        return importlib.import_module("attnkit")
    except ModuleNotFoundError as error:
        if error.name == "attnkit":
            return None
        raise


def beside_or_above():
    """The folder in which attnkit lies; or a wheel or a bundle, unpacked."""
    here = pathlib.Path.cwd()
    for folder in (here, *list(here.parents)[:2]):
        for place in (folder, folder / "notebooks"):
            if (place / "attnkit" / "__init__.py").is_file():
                return place
        for name in (WHEEL, "attnkit-*.whl", "attention-course-*students.zip"):
            for archive in sorted(folder.glob(name), reverse=True):
                return unpacked(archive)
    return None


def unpacked(archive):
    UNPACKED.append(tempfile.TemporaryDirectory(prefix="attnkit-"))
    folder = pathlib.Path(UNPACKED[-1].name)
    try:
        zipfile.ZipFile(archive).extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise NotHere(f"{archive} is damaged ({error}): get it again.") from None
    inner = next(folder.glob("*/attnkit-*.whl"), None)
    return unpacked(inner) if inner else folder


def fetched():
    """attnkit from the course's place: on Colab, and where the learner says yes."""
    advice = f"put {WHEEL} or the course's zip beside it and run this cell again."
    if not COURSE:
        raise NotHere(
            "attnkit, the course's own package, is not here: open this notebook in the "
            f"course's folder, or {advice}"
        )
    if "google.colab" not in sys.modules and not agreed():
        raise NotHere(f"attnkit, the course's own package, was not fetched: {advice}")
    target = pathlib.Path(WHEEL)
    try:
        if "://" in COURSE:
            with urllib.request.urlopen(f"{COURSE}/{WHEEL}", timeout=30) as answer:
                target.write_bytes(answer.read())
        else:
            target.write_bytes((pathlib.Path(COURSE) / WHEEL).read_bytes())
    except (OSError, ValueError) as error:
        raise NotHere(f"{WHEEL} could not be fetched ({error}): {advice}") from None
    return unpacked(target)


def agreed():
    try:
        return input(f"Fetch attnkit ({SIZE}) from {COURSE}? [y/n] ").lower()[:1] == "y"
    except Exception:  # nobody is there to be asked
        return False


attnkit = imported()
if attnkit is None or getattr(attnkit, "__version__", "") != RELEASE:
    place = beside_or_above() or (fetched() if attnkit is None else None)
    if place is not None:
        sys.path.insert(0, str(place))
        for name in [name for name in sys.modules if name.split(".")[0] == "attnkit"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        attnkit = imported()
if not hasattr(attnkit, "ready_for"):
    raise NotHere(
        f"this notebook is of release {RELEASE} of the course and attnkit, in "
        f"{pathlib.Path(attnkit.__file__).parent}, of an older one: "
        "take both from the same release."
    )
attnkit.ready_for(RELEASE)
