"""Verbs in their tenses: auxiliaries and *not* in English, one word with its clitics in Spanish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conjugation import conjugate, gerund
from lexicon import Verb
from noun_phrases import PLURAL, SINGULAR, NounPhrase, say
from phrase import EMPTY, Source, Target

SPANISH_TENSE = {"present": "present", "past": "preterite", "future": "future"}


NOT, NO = "not", "no"


@dataclass(frozen=True)
class VerbGroup:
    """A verb and all that clings to it: English auxiliary, what stands between, main verb; and the Spanish words."""

    auxiliary: tuple[Source, ...]
    middle: tuple[Source, ...]
    main: tuple[Source, ...]
    spanish: tuple[Target, ...]

    @property
    def english(self) -> tuple[Source, ...]:
        return self.auxiliary + self.middle + self.main


BE = {"present": {1: "am", 3: "is", PLURAL: "are"}, "past": {1: "was", 3: "was", PLURAL: "were"}}


def english_be(subject: NounPhrase, tense: str) -> str:
    """am, is, are, was or were."""
    return BE[tense][PLURAL if subject.number == PLURAL else subject.person]


def third(subject: NounPhrase) -> bool:
    """True for he, she, it: the subjects whose verb ends with -s."""
    return subject.person == 3 and subject.number == SINGULAR


def verb_group(
    verb: Verb,
    subject: NounPhrase,
    tense: str,
    negative: bool = False,
    question: bool = False,
    clitics: Sequence[Target] = (),
    habit: str = "",
    linking: Verb | None = None,
) -> VerbGroup:
    """The verb in a tense, agreeing with its subject, with do, will or be where English needs one.

    `clitics` are the Spanish pronouns before the verb, `habit` an adverb like always, `linking` a verb like want that
    takes this one as an infinitive.
    """
    negation = [Source(NOT)] if negative else []
    adverb = say(habit) if habit else EMPTY
    if linking:
        auxiliary, main, spanish = _linked(verb, linking, subject, tense, negative, question)
    else:
        auxiliary, main, spanish = _simple(verb, subject, tense, negative, question)
    if auxiliary and auxiliary[0].text == "cannot":
        negation = [auxiliary[0]]
    reflexive = [Target(reflexive_pronoun(subject), main_source(main, verb))] if verb.spanish.endswith("se") else []
    no = [Target(NO, negation[0])] if negative else []
    middle = [] if negation and negation[0] in auxiliary else negation
    return VerbGroup(
        tuple(auxiliary),
        (*middle, *adverb.english),
        tuple(main),
        (*no, *adverb.spanish, *reflexive, *clitics, *spanish),
    )


def reflexive_pronoun(subject: NounPhrase) -> str:
    """me, nos or se."""
    if subject.person == 3:
        return "se"
    return "me" if subject.number == SINGULAR else "nos"


def main_source(main: Sequence[Source], verb: Verb) -> Source:
    """The English word of the verb itself among the words of its group."""
    heads = {form.split()[0] for form in (verb.base, verb.third, verb.past, verb.ing)}
    return next(source for source in reversed(main) if source.text in heads)


def _simple(
    verb: Verb, subject: NounPhrase, tense: str, negative: bool, question: bool
) -> tuple[list[Source], list[Source], list[Target]]:
    """Auxiliary, main verb and Spanish words of a verb that stands alone."""
    infinitive = verb.spanish.removesuffix("se")
    if tense == "progressive":
        auxiliary, main = [Source(english_be(subject, "present"))], _sources(verb.ing)
        return (
            auxiliary,
            main,
            [
                Target(conjugate("estar", "present", subject.person, subject.number), auxiliary[0]),
                Target(gerund(infinitive), main[0]),
            ],
        )
    finite = conjugate(infinitive, SPANISH_TENSE[tense], subject.person, subject.number)
    if tense == "future":
        main = _sources(verb.base)
        return [Source("will")], main, [Target(finite, main[0])]
    if negative or question:
        auxiliary = [Source("did" if tense == "past" else "does" if third(subject) else "do")]
        main = _sources(verb.base)
        return auxiliary, main, [Target(finite, main[0])]
    main = _sources(verb.past if tense == "past" else verb.third if third(subject) else verb.base)
    return [], main, [Target(finite, main[0])]


def _linked(
    verb: Verb, linking: Verb, subject: NounPhrase, tense: str, negative: bool, question: bool
) -> tuple[list[Source], list[Source], list[Target]]:
    """Auxiliary, main verbs and Spanish words of wants to eat, can eat, has to eat."""
    forms = [form.split(" + ") for form in (linking.base, linking.third, linking.past)]
    spanish, _, spanish_link = linking.spanish.partition(" + ")
    head = replace(linking, base=forms[0][0], third=forms[1][0], past=forms[2][0], spanish=spanish)
    infinitive = _sources(verb.base)
    to = [Source("to")] if " + to" in linking.base else []
    if to:
        auxiliary, main, finite = _simple(head, subject, tense, negative, question)
    else:
        modal = Source("cannot" if negative and head.base == "can" else head.base)
        finite = [Target(conjugate(spanish, "present", subject.person, subject.number), modal)]
        auxiliary, main = [modal], []
    link = [Target(spanish_link, to[0])] if spanish_link else []
    target = Target(verb.spanish.removesuffix("se"), infinitive[0])
    return auxiliary, [*main, *to, *infinitive], [*finite, *link, target]


def _sources(text: str) -> list[Source]:
    return [Source(part) for part in text.split()]


def be_group(copula: str, subject: NounPhrase, tense: str, negative: bool = False, habit: str = "") -> VerbGroup:
    """is, was or will be, translated by a form of ser, estar or tener; its past is the Spanish imperfect."""
    negation = Source(NOT)
    adverb = say(habit) if habit else EMPTY
    auxiliary = Source("will" if tense == "future" else english_be(subject, tense))
    main = (Source("be"),) if tense == "future" else ()
    spanish_tense = "imperfect" if tense == "past" else tense
    finite = Target(conjugate(copula, spanish_tense, subject.person, subject.number), main[0] if main else auxiliary)
    no = (Target(NO, negation),) if negative else ()
    return VerbGroup(
        (auxiliary,), (*((negation,) if negative else ()), *adverb.english), main, (*no, *adverb.spanish, finite)
    )
