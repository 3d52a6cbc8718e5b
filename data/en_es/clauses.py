"""Somebody does something: clauses of a subject, a verb and its objects, places and times; and relative clauses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dice import Dice
from lexicon import DAYS, EXPRESSIONS, GIVING, HABITS, INTRANSITIVE, LINKING, TIMES, TRANSITIVE, Verb
from noun_phrases import (
    OWNABLE,
    PLURAL,
    POSSESSIVES,
    NounPhrase,
    both,
    named,
    noun_of,
    owned,
    part_of,
    pronoun,
    say,
    suits,
    thing,
)
from phrase import EMPTY, Phrase, Source, Target, word
from verb_groups import VerbGroup, verb_group

TENSES = {"present": 34, "past": 34, "future": 18, "progressive": 14}


@dataclass(frozen=True)
class Clause:
    """Subject, verb and the rest; `subject_last` puts a question's subject after the rest: ¿ bebe agua el gato ?"""

    subject: NounPhrase
    group: VerbGroup
    rest: Phrase = EMPTY
    subject_last: bool = False

    def without_subject(self) -> Phrase:
        """Verb and rest."""
        return Phrase(self.group.english, self.group.spanish) + self.rest

    def statement(self) -> Phrase:
        """Subject, verb, rest."""
        return self.subject.phrase + self.without_subject()

    def question(self) -> Phrase:
        """Auxiliary before the subject in English, subject after the verb in Spanish, and both question marks."""
        mark = Source("?")
        subject, group, rest = self.subject.phrase, self.group, self.rest
        english = (*group.auxiliary, *subject.english, *group.middle, *group.main, *rest.english, mark)
        after = rest.spanish + subject.spanish if self.subject_last else subject.spanish + rest.spanish
        spanish = (Target("¿", mark), *group.spanish, *after, Target("?", mark))
        return Phrase(english, spanish, subject.combinations | rest.combinations)


# ── subjects, and noun phrases with something inside ──────────────────────────────────────────────────────────────────


def subject_for(dice: Dice, kinds: Collection[str], depth: int, known: bool = False) -> NounPhrase:
    """A subject: a pronoun, a name, one noun phrase, or two; `known` asks for a definite one, neither i nor they."""
    if "human" in kinds and dice.chance(0.3):
        return pronoun(dice, gendered=known)
    if "human" in kinds and dice.chance(0.06):
        return both(dice, ["human"])
    return rich_thing(dice, kinds, depth=depth, definite=known or dice.chance(0.6))


def person(dice: Dice, pronouns: bool = True) -> NounPhrase:
    """A short subject: a pronoun if allowed, a name, or a person known."""
    kind = dice.weigh({"pronoun": 40 if pronouns else 0, "name": 25, "noun": 35})
    if kind == "pronoun":
        return pronoun(dice)
    return named(dice) if kind == "name" else thing(dice, ["human"], definite=True)


def rich_thing(
    dice: Dice, kinds: Collection[str], owner: NounPhrase | None = None, depth: int = 1, definite: bool = False
) -> NounPhrase:
    """A noun phrase that, if `depth` > 0, may have a relative clause, an owner, or a whole that it is part of."""
    np = thing(dice, kinds, owner, definite)
    if depth < 1 or "name" in np.kinds:
        return np
    choice = dice.weigh({"nothing": 76, "relative": 14, "whole or owner": 10})
    if choice == "relative" and np.determiner not in ("", *POSSESSIVES):
        return relative(dice, np)
    if choice == "whole or owner" and "part" in np.kinds and np.determiner == "the":
        return part_of(dice, np)
    if choice == "whole or owner" and np.kinds & OWNABLE:
        return owned(dice, noun_of(np))
    return np


def relative(dice: Dice, np: NounPhrase) -> NounPhrase:
    """the man who lives here: what somebody does; the book that he bought: what is done to it."""
    if np.animate:
        tense = dice.weigh({"present": 55, "past": 30, "progressive": 15})
        clause = deed(dice, np, tense, depth=0, linking=False, when=False)
        link = say("that" if "animal" in np.kinds else "who")
        return replace(np, phrase=np.phrase + link + clause.without_subject(), simple=False)
    noun = noun_of(np)
    taking = [v for v in TRANSITIVE if "human" in v.subjects and any(suits(noun, o.split()) for o in v.objects)]
    if not taking:
        return np
    verb, subject = dice.pick(taking), person(dice)
    tense = "present" if "present" in verb.notes else dice.weigh({"present": 35, "past": 65})
    group = verb_group(verb, subject, tense, negative=dice.chance(0.1))
    english = subject.phrase.english + group.english
    spanish = group.spanish + subject.phrase.spanish
    bought = Phrase(english, spanish, subject.phrase.combinations) + record(verb, np)
    return replace(np, phrase=np.phrase + say("that") + bought, simple=False)


# ── deeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def deed(
    dice: Dice,
    subject: NounPhrase,
    tense: str = "",
    depth: int = 1,
    question: bool = False,
    linking: bool = True,
    when: bool = True,
    negative: bool | None = None,
    verb: Verb | None = None,
) -> Clause:
    """A clause in which the subject does something: to an object, to him or her, somewhere, or for somebody.

    `depth` > 0 lets objects have clauses of their own; `linking` allows verbs like want, and `when` expressions like
    always and yesterday; `negative` is left to chance where it is None. Without a `tense` it takes any that the verb
    has, and without a `verb` any that the subject can do.
    """
    kind = dice.weigh({"object": 50, "place": 32, "gift": 10, "pronoun": 12})
    verb = verb or choose_verb(dice, subject, kind, tense)
    negative = dice.chance(0.0 if question else 0.14) if negative is None else negative
    chain = choose_linking(dice, verb, subject, tense, question) if linking else None
    tense = tense or choose_tense(dice, chain or verb, simple=chain is not None)
    simple = not (negative or question or chain)
    habit = dice.pick(HABITS) if when and simple and tense == "present" and dice.chance(0.15) else ""
    rest, clitics, np = complements(dice, verb, subject, kind, depth)
    lasting = "present" in verb.notes  # who knows a city does not know it in the morning
    bare = np is not None and not np.determiner and "name" not in np.kinds
    if simple and verb.adverbs and not clitics and dice.chance(0.14):
        rest = in_manner(dice, verb, rest, bare)
    elif when and not (habit or chain or bare or lasting) and (np is None or np.simple) and dice.chance(0.2):
        rest += time(dice, tense)
    group = verb_group(verb, subject, tense, negative, question, clitics, habit, chain)
    return Clause(subject, group, rest, subject_last=bare)


def verbs_for(verbs: Sequence[Verb], subject: NounPhrase, tense: str = "") -> list[Verb]:
    """The verbs whose subject this can be, and that have the tense."""
    return [verb for verb in verbs if verb.subjects & subject.kinds and has_tense(verb, tense)]


def has_tense(verb: Verb, tense: str) -> bool:
    """True when the verb is used in the tense; every verb has some tense, so "" is True."""
    if "present" in verb.notes and tense not in ("", "present"):
        return False
    return not (tense == "progressive" and "still" in verb.notes)


def choose_verb(dice: Dice, subject: NounPhrase, kind: str, tense: str) -> Verb:
    """A verb for the subject, with an object, a human object, a receiver or a place, as `kind` says."""
    somewhere = verbs_for(INTRANSITIVE, subject, tense)
    if kind == "place" or "baby" in subject.kinds:
        return dice.pick(somewhere)
    if kind == "gift" and "human" in subject.kinds:
        return dice.pick(GIVING)
    verbs = verbs_for(TRANSITIVE, subject, tense)
    if kind == "pronoun":
        verbs = [verb for verb in verbs if takes_people(verb)]
    return dice.pick(verbs or somewhere)


def takes_people(verb: Verb) -> bool:
    """True when the object can be a person."""
    return any("human" in kinds.split() for kinds in verb.objects)


def choose_linking(dice: Dice, verb: Verb, subject: NounPhrase, tense: str, question: bool) -> Verb | None:
    """Now and then a verb like want, which takes the other as an infinitive."""
    if "still" in verb.notes or tense not in ("", "present", "past") or dice.chance(0.86):
        return None
    if question and not subject.pronoun:
        return None
    fitting = [v for v in verbs_for(LINKING, subject, tense) if not (question and v.base == "must")]
    return dice.pick(fitting) if fitting else None


def choose_tense(dice: Dice, verb: Verb, simple: bool = False) -> str:
    """A tense that the verb has; `simple` leaves only present and past."""
    weights = {tense: weight for tense, weight in TENSES.items() if has_tense(verb, tense)}
    if simple:
        weights = {tense: weight for tense, weight in weights.items() if tense in ("present", "past")}
    return dice.weigh(weights)


def complements(
    dice: Dice, verb: Verb, subject: NounPhrase, kind: str, depth: int
) -> tuple[Phrase, list[Target], NounPhrase | None]:
    """What follows the verb, the clitics before it in Spanish, and the object if it is a noun phrase."""
    if verb in GIVING:
        return *gift(dice, verb, subject), None
    if verb in INTRANSITIVE:
        return place(dice, verb, subject), [], None
    if kind == "pronoun" and takes_people(verb):
        return *object_pronoun(dice, subject), None
    np = object_of(dice, verb, subject, depth)
    return taken(verb, np), [], np


def object_of(dice: Dice, verb: Verb, subject: NounPhrase, depth: int) -> NounPhrase:
    """An object that the verb can have; its owner is most often the subject."""
    kind = dice.pick(dice.pick(verb.objects).split())
    definite = "definite" in verb.notes and kind in ("human", "animal", "pet", "prey", "kin")
    return rich_thing(dice, [kind], subject, depth, definite)


def taken(verb: Verb, np: NounPhrase) -> Phrase:
    """The object, with the personal *a* if it needs one."""
    personal = Phrase((), (Target("a"),)) if np.animate and "bare" not in verb.notes else EMPTY
    return personal + np.phrase + record(verb, np)


def record(verb: Verb, np: NounPhrase) -> Phrase:
    """No words, but the note that this verb has had this object."""
    return Phrase(combinations=frozenset(("object", verb.base, noun) for noun in np.nouns))


CLITICS = {"me": "me", "us": "nos", "him": "lo", "her": "la"}
CLITICS_OF_RECEIVERS = {"me": "me", "us": "nos", "him": "le", "her": "le", "them": "les"}


def choose_pronoun(dice: Dice, clitics: dict[str, str], subject: NounPhrase) -> tuple[Phrase, list[Target]]:
    """An English object pronoun, and the Spanish one that stands before the verb; i and me do not meet."""
    source = Source(dice.pick([p for p in clitics if not (subject.person == 1 and p in ("me", "us"))]))
    return Phrase((source,)), [Target(clitics[source.text], source)]


def object_pronoun(dice: Dice, subject: NounPhrase) -> tuple[Phrase, list[Target]]:
    """she sees him: lo ve."""
    return choose_pronoun(dice, CLITICS, subject)


def gift(dice: Dice, verb: Verb, subject: NounPhrase) -> tuple[Phrase, list[Target]]:
    """What is given and to whom; Spanish announces the person with le or les even if named later."""
    given = thing(dice, [dice.pick(verb.objects[0].split())], subject)
    what = given.phrase + record(verb, given)
    if dice.chance(0.35):
        receiver, clitics = choose_pronoun(dice, CLITICS_OF_RECEIVERS, subject)
        return what + word("to") + receiver if "to" in verb.notes else receiver + what, clitics
    receiver_np = thing(dice, ["human"], subject, definite=True)
    return what + say("to") + receiver_np.phrase, [Target("les" if receiver_np.number == PLURAL else "le")]


KNOWN_PLACES = {"place", "work", "room", "built", "outside", "top", "home", "town", "waters", "human", "kin"}


def place(dice: Dice, verb: Verb, subject: NounPhrase) -> Phrase:
    """One of the places or companions that go with the verb; nothing for a verb that has none."""
    if verb.objects == ("-",):
        return EMPTY
    link, kind = dice.pick(verb.objects).split()
    english, spanish = (part.replace("_", " ") for part in link.split("/"))
    company = kind in ("human", "kin", "animal", "pet")
    np = thing(dice, [kind], subject, definite=kind in KNOWN_PLACES, single=not company)
    return preposition(english, spanish) + np.phrase


def preposition(english: str, spanish: str) -> Phrase:
    """The lexicon's own preposition where it has the same Spanish, else one that the verb asks for."""
    if english == "-":
        return Phrase((), (Target(spanish),))
    usual = [part.partition("<")[0] for part in EXPRESSIONS[english].split()]
    return say(english) if usual == spanish.split() else word(english, *spanish.split())


def in_manner(dice: Dice, verb: Verb, rest: Phrase, bare: bool) -> Phrase:
    """How it is done: after the object, if there is one, in English; right after the verb in Spanish.

    Only a bare object comes before it in Spanish too: bebe agua rápidamente. Nothing is said of the manner behind a
    relative clause, where English would take it for the clause's own: she drinks the water that he brought slowly.
    """
    how = say(dice.pick(sorted(verb.adverbs)).replace("_", " "))
    if {"that", "who"} & {source.text for source in rest.english}:
        return rest
    has_object = verb in TRANSITIVE or any(link.startswith("-/") for link in verb.objects)
    english = rest.english + how.english if has_object else how.english + rest.english
    spanish = rest.spanish + how.spanish if bare else how.spanish + rest.spanish
    return Phrase(english, spanish, rest.combinations)


def time(dice: Dice, tense: str) -> Phrase:
    """When: an expression that goes with the tense."""
    if tense in ("past", "future") and dice.chance(0.35):
        return say(f"on {dice.pick(DAYS)}")
    return say(dice.pick(TIMES[tense]))
