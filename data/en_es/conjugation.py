"""Spanish verb forms: regular endings, the spelling rule for -car, -gar and -zar, and the table of irregular verbs."""

from __future__ import annotations

import unicodedata

from lexicon import rows

PERSONS = {(1, "singular"): 0, (3, "singular"): 1, (1, "plural"): 2, (3, "plural"): 3}

ENDINGS = {  # first and third person singular, first and third person plural
    ("present", "ar"): "o a amos an",
    ("present", "er"): "o e emos en",
    ("present", "ir"): "o e imos en",
    ("preterite", "ar"): "é ó amos aron",
    ("preterite", "er"): "í ió imos ieron",
    ("preterite", "ir"): "í ió imos ieron",
    ("imperfect", "ar"): "aba aba ábamos aban",
    ("imperfect", "er"): "ía ía íamos ían",
    ("imperfect", "ir"): "ía ía íamos ían",
}
FUTURE = "é á emos án"

IRREGULAR = {row[0]: row[1:] for row in rows("irregular")}  # present, preterite, stem of the future, gerund; or -
IMPERFECT_OF_SER = "era era éramos eran"


def conjugate(infinitive: str, tense: str, person: int, number: str) -> str:
    """The form of a verb without -se: tense "present", "preterite", "imperfect" or "future", person 1 or 3."""
    return forms(infinitive, tense)[PERSONS[person, number]]


def forms(infinitive: str, tense: str) -> list[str]:
    """First and third person singular, then first and third person plural."""
    stem, ending = infinitive[:-2], plain(infinitive[-2:])
    present, preterite, future, _ = IRREGULAR.get(infinitive, ["-"] * 4)
    if tense == "future":
        return [(infinitive if future == "-" else future) + end for end in FUTURE.split()]
    if tense == "present" and present != "-":
        return present.split()
    if tense == "preterite" and preterite != "-":
        return preterite.split()
    if tense == "imperfect" and infinitive == "ser":
        return IMPERFECT_OF_SER.split()
    regular = [stem + end for end in ENDINGS[tense, ending].split()]
    if tense == "preterite" and ending == "ar":
        regular[0] = _soften(stem) + "é"
    return regular


def gerund(infinitive: str) -> str:
    """The form in -ndo."""
    form = IRREGULAR.get(infinitive, ["-"] * 4)[3]
    return form if form != "-" else infinitive[:-2] + ("ando" if infinitive.endswith("ar") else "iendo")


def plain(word: str) -> str:
    """The word without acute accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).replace("\u0301", ""))


def _soften(stem: str) -> str:
    """The stem as it is spelled before e: tocar, toqué; llegar, llegué; cruzar, crucé."""
    if stem.endswith("z"):
        return stem[:-1] + "c"
    return stem[:-1] + {"c": "qu", "g": "gu"}.get(stem[-1], stem[-1])
