"""A small bilingual grammar: English sentences, their one Spanish translation, and which word comes from which.

Every rule builds both languages at once out of `Phrase`s, so agreement, word order and alignment cannot drift apart.
Conventions that make the translation unique: Spanish subject pronouns are dropped; a group of men and women, and a
person of unknown gender, is masculine; *it* and *them* always have their noun in the sentence; questions put the subject
after the verb; clitics stand before the finite verb; definite or possessed people and animals take the personal *a*.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from conjugation import conjugate, gerund
from lexicon import (
    ADJECTIVES,
    DAYS,
    DETERMINERS,
    EXPRESSIONS,
    FEELINGS,
    GIVING,
    HABITS,
    INTRANSITIVE,
    LINKING,
    NAMES,
    NOUNS,
    OCCUPATIONS,
    SAYING,
    STRESSED_A,
    TIMES,
    TRANSITIVE,
    Adjective,
    Noun,
    Verb,
)
from phrase import EMPTY, Phrase, Source, Target, expression, word

T = TypeVar("T")

SINGULAR, PLURAL = "singular", "plural"
TENSES = {"present": 34, "past": 34, "future": 18, "progressive": 14}
SPANISH_TENSE = {"present": "present", "past": "preterite", "future": "future"}
NOT, NO = "not", "no"


class Dice:
    """Random choices that depend on the seed alone, not on the version of Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self._random.random() * len(choices))]

    def weigh(self, weights: dict[T, int]) -> T:
        """One of the keys, in proportion to its weight."""
        point = self._random.random() * sum(weights.values())
        for choice, weight in weights.items():
            point -= weight
            if point < 0:
                return choice
        return choice


@dataclass(frozen=True)
class NounPhrase:
    """A phrase that names somebody or something, with what other words must agree with.

    `kinds` are those of its noun, `nouns` the English nouns that an adjective said of it describes, `pronoun` is True
    for i, we, he, she, they, and `definite` for a phrase that stands for something known.
    """

    phrase: Phrase
    person: int = 3
    number: str = SINGULAR
    gender: str = "m"
    kinds: frozenset[str] = frozenset()
    nouns: tuple[str, ...] = ()
    pronoun: bool = False
    simple: bool = True

    @property
    def animate(self) -> bool:
        return bool(self.kinds & {"human", "animal", "baby"})

    @property
    def form(self) -> int:
        """Which of four forms agrees: masculine, feminine, plural masculine, plural feminine."""
        return agreement(self.gender, self.number)


def agreement(gender: str, number: str) -> int:
    """The column of an agreeing form: masculine, feminine, plural masculine, plural feminine."""
    return (gender == "f") + 2 * (number == PLURAL)


def say(english: str) -> Phrase:
    """A fixed expression of the lexicon."""
    return expression(english, EXPRESSIONS[english])


# ── noun phrases ──────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def nouns_of(*kinds: str) -> tuple[Noun, ...]:
    """The nouns that belong to one of the kinds; a noun's own English name is a kind too."""
    return tuple(noun for noun in NOUNS if suits(noun, kinds))


@cache
def adjectives_of(english: str) -> tuple[Adjective, ...]:
    """The adjectives that can stand beside the noun with this English name."""
    (noun,) = nouns_of(english)[:1]
    return tuple(a for a in ADJECTIVES if suits(noun, a.kinds) and "predicate" not in a.notes)


def suits(noun: Noun, kinds: Collection[str]) -> bool:
    """True when the noun is of one of the kinds."""
    return any(kind in noun.kinds or kind == noun.english for kind in kinds)


def thing(dice: Dice, kinds: Collection[str], owner: NounPhrase | None = None, depth: int = 0, plain: bool = False,
          definite: bool = False) -> NounPhrase:
    """A noun phrase with a noun of one of the kinds; `depth` > 0 lets it carry a phrase or a clause of its own.

    `owner` is the subject whose possessive fits; `plain` asks for no more than determiner, adjective and noun;
    `definite` for one that is not new.
    """
    if "human" in kinds and dice.chance(0.22):
        return named(dice)
    noun = dice.pick(nouns_of(*kinds))
    determiner, number = choose_determiner(dice, noun, owner, definite)
    described = describe(dice, noun, number)
    np = assemble(noun, number, determiner, described)
    if plain or depth < 1:
        return np
    return extend(dice, np, noun, determiner)


def named(dice: Dice) -> NounPhrase:
    """A person's name."""
    english, spanish, gender = dice.pick(NAMES)
    return NounPhrase(word(english, spanish), gender=gender, kinds=frozenset({"human", "adult", "name"}), nouns=(english,))


OWNABLE = {"kin", "pet", "clothing", "furniture", "vehicle", "made", "tool", "meal", "text", "instrument", "owned"}


def choose_determiner(dice: Dice, noun: Noun, owner: NounPhrase | None, definite: bool) -> tuple[str, str]:
    """A determiner (English; "" for none) and the number that goes with it."""
    if "unique" in noun.kinds:
        return "the", SINGULAR
    if "mass" in noun.kinds:
        return dice.weigh({"the": 45, "": 0 if definite else 40, "this": 5, "my": 10}), SINGULAR
    own = bool(noun.kinds & OWNABLE)
    if noun.plural == "-":
        return dice.weigh({"the": 70, possessive(dice, owner): 30}), SINGULAR
    number = SINGULAR if dice.chance(0.72) else PLURAL
    if "family" in noun.kinds:
        return dice.weigh({"the": 35, possessive(dice, owner): 65}), number
    if number == SINGULAR:
        weights = {"the": 52, "a": 0 if definite else 24, "this": 6, "another": 0 if definite else 2}
        weights[possessive(dice, owner)] = 18 if own else 0
        return dice.weigh(weights), SINGULAR
    weights = {"the": 52, "these": 8, possessive(dice, owner): 16 if own else 0}
    if not definite:
        weights |= dict.fromkeys(("two", "three", "four", "five", "seven", "eight"), 3) | {"many": 5, "some": 5}
    return dice.weigh(weights), PLURAL


def possessive(dice: Dice, owner: NounPhrase | None) -> str:
    """my, our, his, her or their: most often the owner's own."""
    if owner is None or not owner.kinds & {"human"} or dice.chance(0.15):
        return dice.pick(["my", "our", "his", "her"])
    if owner.person == 1:
        return "my" if owner.number == SINGULAR else "our"
    if owner.number == PLURAL:
        return "their"
    return "her" if owner.gender == "f" else "his"


def describe(dice: Dice, noun: Noun, number: str) -> list[Adjective]:
    """No, one or two adjectives for a noun, in English order."""
    fitting = adjectives_of(noun.english)
    if not fitting or dice.chance(0.7):
        return []
    first = dice.pick(fitting)
    colors = [a for a in fitting if "color" in a.notes]
    if "size" in first.notes and colors and dice.chance(0.35):
        return [first, dice.pick(colors)]
    return [first]


def assemble(noun: Noun, number: str, determiner: str, adjectives: list[Adjective]) -> NounPhrase:
    """Determiner, adjectives and noun in the order of each language, all agreeing."""
    form = agreement(noun.gender, number)
    name = word(noun.english if number == SINGULAR else noun.plural,
                noun.spanish if number == SINGULAR else noun.spanish_plural)
    described = [word(a.english, a.spanish[form]) for a in adjectives]
    before = [p for p, a in zip(described, adjectives, strict=True) if "before" in a.notes]
    after = [p for p in reversed(described) if p not in before]
    article = determined(determiner, form, noun if not before else None)
    english = article.english + tuple(s for p in described for s in p.english) + name.english
    spanish = article.spanish + tuple(t for p in (*before, name, *after) for t in p.spanish)
    combinations = frozenset(("adjective", a.english, noun.english) for a in adjectives)
    return NounPhrase(Phrase(english, spanish, combinations), 3, number, noun.gender, noun.kinds | {noun.english},
                      (noun.english,))


def determined(determiner: str, form: int, noun: Noun | None) -> Phrase:
    """The determiner in the form that agrees; el and un before a noun that begins with a stressed a."""
    if not determiner:
        return EMPTY
    if noun and noun.spanish in STRESSED_A and determiner in ("the", "a") and form == 1:
        form = 0
    return word(determiner, DETERMINERS[determiner][form])


def extend(dice: Dice, np: NounPhrase, noun: Noun, determiner: str) -> NounPhrase:
    """The noun phrase, perhaps with a phrase or a relative clause after it, or an owner before it."""
    choice = dice.weigh({"nothing": 72, "relative": 18, "possessor": 10})
    if choice == "relative" and determiner not in ("my", "our", "his", "her", "their", ""):
        return relative(dice, np, noun)
    if choice == "possessor" and "part" in noun.kinds and determiner == "the":
        return part_of(dice, np)
    if choice == "possessor" and noun.kinds & OWNABLE:
        return owned(dice, noun)
    return np


def owned(dice: Dice, noun: Noun) -> NounPhrase:
    """Pedro's cat: el gato de Pedro. The Spanish article has no English word; *de* translates the 's."""
    number = SINGULAR if noun.plural == "-" or dice.chance(0.8) else PLURAL
    holder = thing(dice, ["kin", "human"], plain=True, definite=True)
    if holder.number == PLURAL or holder.nouns == (noun.english,):
        holder = named(dice)
    described = describe(dice, noun, number)[:1]
    bare = assemble(noun, number, "", described)
    before = bool(described) and "before" in described[0].notes
    article = determined("the", bare.form, None if before else noun).spanish[0].text
    s = word("'s", "de")
    english = holder.phrase.english + s.english + bare.phrase.english
    spanish = (Target(article), *bare.phrase.spanish, *s.spanish, *holder.phrase.spanish)
    combinations = bare.phrase.combinations | holder.phrase.combinations
    return replace(bare, phrase=Phrase(english, spanish, combinations), simple=False)


def part_of(dice: Dice, np: NounPhrase) -> NounPhrase:
    """the door of the house: la puerta de la casa."""
    whole = thing(dice, ["owner"], plain=True, definite=True)
    return replace(np, phrase=np.phrase + say("of") + whole.phrase, simple=False)


def relative(dice: Dice, np: NounPhrase, noun: Noun) -> NounPhrase:
    """the man who lives here: what somebody does; the book that he bought: what is done to it."""
    if np.animate:
        tense = dice.weigh({"present": 55, "past": 30, "progressive": 15})
        clause = deed(dice, np, tense, depth=0, linking=False, when=False)
        link = say("who" if "human" in np.kinds or "baby" in np.kinds else "that")
        return replace(np, phrase=np.phrase + link + clause.without_subject(), simple=False)
    taking = [v for v in TRANSITIVE if "human" in v.subjects and any(suits(noun, o.split()) for o in v.objects)]
    if not taking:
        return np
    verb = dice.pick(taking)
    tense = "present" if "present" in verb.notes else dice.weigh({"present": 35, "past": 65})
    subject = person(dice)
    group = verb_group(verb, subject, tense, negative=dice.chance(0.1))
    phrase = say("that") + Phrase(
        subject.phrase.english + group.english,
        group.spanish + subject.phrase.spanish,
        subject.phrase.combinations | {("object", verb.base, noun.english)},
    )
    return replace(np, phrase=np.phrase + phrase, simple=False)


def person(dice: Dice) -> NounPhrase:
    """A short subject: a pronoun, a name, or a person known."""
    return dice.weigh({
        lambda: pronoun(dice): 40,
        lambda: named(dice): 25,
        lambda: thing(dice, ["human"], plain=True, definite=True): 35,
    })()


PRONOUNS = {  # English: person, number, gender; the gender of the plural ones is not heard
    "i": (1, SINGULAR, "m"),
    "he": (3, SINGULAR, "m"),
    "she": (3, SINGULAR, "f"),
    "they": (3, PLURAL, "m"),
}


def pronoun(dice: Dice, gendered: bool = False) -> NounPhrase:
    """A subject pronoun, which Spanish drops; `gendered` asks for one whose gender is known."""
    english = dice.weigh({"he": 30, "she": 30} if gendered else {"i": 25, "he": 25, "she": 25, "they": 25})
    return NounPhrase(word(english), *PRONOUNS[english], kinds=frozenset({"human"}), pronoun=True)


def pronoun_for(np: NounPhrase) -> str:
    """he, she, it or they for a noun phrase that was just said."""
    if np.number == PLURAL:
        return "they"
    if not np.kinds & {"human"}:
        return "it"
    return "she" if np.gender == "f" else "he"


def both(dice: Dice, kinds: Collection[str]) -> NounPhrase:
    """Two subjects joined by and: plural, and feminine only if both are."""
    first, second = (thing(dice, kinds, plain=True, definite=True) for _ in range(2))
    if first.nouns == second.nouns:
        return both(dice, kinds)
    gender = "f" if first.gender == second.gender == "f" else "m"
    return NounPhrase(first.phrase + say("and") + second.phrase, 3, PLURAL, gender, first.kinds & second.kinds,
                      first.nouns + second.nouns, simple=False)


def subject_for(dice: Dice, kinds: Collection[str], depth: int, known: bool = False) -> NounPhrase:
    """A subject: a pronoun, a name, one noun phrase, or two; `known` asks for a definite one, neither i nor they."""
    if "human" in kinds and dice.chance(0.3):
        return pronoun(dice, gendered=known)
    if "human" in kinds and dice.chance(0.06):
        return both(dice, ["human"])
    return thing(dice, kinds, depth=depth, definite=known or dice.chance(0.6))


# ── verbs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    auxiliary, main, spanish = _linked(verb, linking, subject, tense, negative, question) if linking else _simple(
        verb, subject, tense, negative, question)
    if auxiliary and auxiliary[0].text == "cannot":
        negation = [auxiliary[0]]
    reflexive = [Target("se" if subject.person == 3 else "me" if subject.number == SINGULAR else "nos", main_source(main, verb))
                 ] if verb.spanish.endswith("se") else []
    no = [Target(NO, negation[0])] if negative else []
    middle = [] if negation and negation[0] in auxiliary else negation
    return VerbGroup(
        tuple(auxiliary),
        (*middle, *adverb.english),
        tuple(main),
        (*no, *adverb.spanish, *reflexive, *clitics, *spanish),
    )


def main_source(main: Sequence[Source], verb: Verb) -> Source:
    """The English word of the verb itself among the words of its group."""
    heads = {form.split()[0] for form in (verb.base, verb.third, verb.past, verb.ing)}
    return next(source for source in reversed(main) if source.text in heads)


def _simple(verb: Verb, subject: NounPhrase, tense: str, negative: bool, question: bool
            ) -> tuple[list[Source], list[Source], list[Target]]:
    """Auxiliary, main verb and Spanish words of a verb that stands alone."""
    infinitive = verb.spanish.removesuffix("se")
    if tense == "progressive":
        auxiliary, main = [Source(english_be(subject, "present"))], _sources(verb.ing)
        return auxiliary, main, [Target(conjugate("estar", "present", subject.person, subject.number), auxiliary[0]),
                                 Target(gerund(infinitive), main[0])]
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


def _linked(verb: Verb, linking: Verb, subject: NounPhrase, tense: str, negative: bool, question: bool
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


def be_group(copula: str, subject: NounPhrase, tense: str, negative: bool = False, habit: str = ""
             ) -> VerbGroup:
    """is, was or will be, translated by a form of ser, estar or tener; its past is the Spanish imperfect."""
    negation = Source(NOT)
    adverb = say(habit) if habit else EMPTY
    auxiliary = Source("will" if tense == "future" else english_be(subject, tense))
    main = (Source("be"),) if tense == "future" else ()
    spanish_tense = "imperfect" if tense == "past" else tense
    finite = Target(conjugate(copula, spanish_tense, subject.person, subject.number), main[0] if main else auxiliary)
    no = (Target(NO, negation),) if negative else ()
    return VerbGroup((auxiliary,), (*((negation,) if negative else ()), *adverb.english), main,
                     (*no, *adverb.spanish, finite))


# ── clauses ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Clause:
    """Subject, verb and the rest; `subject_last` puts a question's subject after the rest, as ser and estar want."""

    subject: NounPhrase
    group: VerbGroup
    rest: Phrase
    tense: str
    subject_last: bool = False
    object: NounPhrase | None = None

    def without_subject(self) -> Phrase:
        """Verb and rest."""
        return Phrase(self.group.english, self.group.spanish) + self.rest

    def statement(self) -> Phrase:
        """Subject, verb, rest."""
        return self.subject.phrase + self.without_subject()

    def question(self) -> Phrase:
        """Auxiliary before the subject in English, subject after the verb in Spanish, with both question marks."""
        mark = Source("?")
        subject, group, rest = self.subject.phrase, self.group, self.rest
        english = (*group.auxiliary, *subject.english, *group.middle, *group.main, *rest.english, mark)
        after = (*rest.spanish, *subject.spanish) if self.subject_last else (*subject.spanish, *rest.spanish)
        spanish = (Target("¿", mark), *group.spanish, *after, Target("?", mark))
        return Phrase(english, spanish, subject.combinations | rest.combinations)


def any_tense(dice: Dice, verb: Verb | None = None) -> str:
    """A tense that the verb has."""
    if verb and "present" in verb.notes:
        return "present"
    return dice.weigh({t: w for t, w in TENSES.items() if not (verb and t == "progressive" and "still" in verb.notes)})


def time(dice: Dice, tense: str) -> Phrase:
    """When: an expression that goes with the tense."""
    if tense in ("past", "future") and dice.chance(0.35):
        return say(f"on {dice.pick(DAYS)}")
    return say(dice.pick(TIMES[tense]))


def verbs_for(verbs: Sequence[Verb], subject: NounPhrase) -> list[Verb]:
    """The verbs whose subject this can be."""
    return [verb for verb in verbs if verb.subjects & subject.kinds]


def deed(
    dice: Dice,
    subject: NounPhrase,
    tense: str = "",
    depth: int = 1,
    question: bool = False,
    linking: bool = True,
    when: bool = True,
    negative: bool | None = None,
) -> Clause:
    """A clause in which the subject does something: with an object, a pronoun, a place, or something given."""
    kind = dice.weigh({"object": 50, "place": 32, "giving": 10, "pronoun": 12})
    if kind == "place" or "baby" in subject.kinds:
        candidates = verbs_for(INTRANSITIVE, subject)
    elif kind == "giving" and "human" in subject.kinds:
        candidates = GIVING
    else:
        candidates = verbs_for(TRANSITIVE, subject)
    if kind == "pronoun":
        candidates = [v for v in candidates if any("human" in o.split() for o in v.objects)]
        kind = kind if candidates else "place"
        candidates = candidates or verbs_for(INTRANSITIVE, subject)
    verb = dice.pick(candidates)
    if tense and "present" in verb.notes and tense != "present":
        return deed(dice, subject, tense, depth, question, linking, when, negative)
    if tense == "progressive" and "still" in verb.notes:
        return deed(dice, subject, tense, depth, question, linking, when, negative)
    negative = dice.chance(0.0 if question else 0.14) if negative is None else negative
    chain = None
    if linking and tense in ("", "present", "past") and "still" not in verb.notes and dice.chance(0.14):
        fitting = [v for v in verbs_for(LINKING, subject)
                   if not (question and v.base == "must") and not ("present" in v.notes and tense == "past")]
        chain = dice.pick(fitting) if fitting else None
    if not tense:
        tense = any_tense(dice, verb)
        if chain:
            tense = "present" if "present" in chain.notes else dice.pick(["present", "past"])
    usual = tense == "present" and not (negative or question or chain) and "question word" not in subject.kinds
    habit = dice.pick(HABITS) if usual and dice.chance(0.12) else ""
    clitics: list[Target] = []
    rest, object_ = EMPTY, None
    if verb in GIVING:
        rest, clitics = gift(dice, verb, subject, depth)
    elif verb in INTRANSITIVE:
        rest = place(dice, verb, subject, depth)
    elif kind == "pronoun":
        rest, clitics = object_pronoun(dice, subject)
    else:
        object_ = object_of(dice, verb, subject, depth)
        rest = taken(verb, object_)
    if verb.adverbs and not (negative or question or clitics) and dice.chance(0.14):
        rest = in_manner(dice, verb, rest)
    elif when and not (habit or chain) and (object_ is None or object_.simple) and dice.chance(0.2):
        rest += time(dice, tense)
    group = verb_group(verb, subject, tense, negative, question, clitics, habit, chain)
    return Clause(subject, group, rest, tense, object=object_)


def in_manner(dice: Dice, verb: Verb, rest: Phrase) -> Phrase:
    """How it is done: right after the verb in Spanish, and after the object, if there is one, in English."""
    how = say(dice.pick(sorted(verb.adverbs)).replace("_", " "))
    has_object = verb in TRANSITIVE or any(link.startswith("-/") for link in verb.objects)
    english = rest.english + how.english if has_object else how.english + rest.english
    return Phrase(english, how.spanish + rest.spanish, rest.combinations)


def object_of(dice: Dice, verb: Verb, subject: NounPhrase, depth: int) -> NounPhrase:
    """An object that the verb can have; its owner is most often the subject."""
    kinds = dice.pick([o.split() for o in verb.objects])
    noun_kinds = [dice.pick(kinds)]
    np = thing(dice, noun_kinds, subject, depth, definite="definite" in verb.notes and noun_kinds[0] in
               ("human", "animal", "pet", "prey", "kin"))
    return np


def taken(verb: Verb, np: NounPhrase) -> Phrase:
    """The object with the personal *a* if it needs one, and the combination of verb and noun on record."""
    personal = Phrase((), (Target("a"),)) if np.animate and "bare" not in verb.notes else EMPTY
    return personal + np.phrase + Phrase(combinations=frozenset(("object", verb.base, noun) for noun in np.nouns))


CLITICS = {"me": "me", "us": "nos", "him": "lo", "her": "la"}


def object_pronoun(dice: Dice, subject: NounPhrase) -> tuple[Phrase, list[Target]]:
    """me, us, him, her after the English verb: a clitic before the Spanish one."""
    allowed = ["him", "her"] if subject.person == 1 else list(CLITICS)
    source = Source(dice.pick(allowed))
    return Phrase((source,)), [Target(CLITICS[source.text], source)]


def gift(dice: Dice, verb: Verb, subject: NounPhrase, depth: int) -> tuple[Phrase, list[Target]]:
    """What is given and to whom; Spanish announces the person with le or les even if named later."""
    given = thing(dice, [dice.pick(verb.objects[0].split())], subject, plain=True)
    what = given.phrase + Phrase(combinations=frozenset({("object", verb.base, given.nouns[0])}))
    if dice.chance(0.35):
        pronouns = {"him": "le", "her": "le", "them": "les"} | ({} if subject.person == 1 else {"me": "me", "us": "nos"})
        source = Source(dice.pick(list(pronouns)))
        return Phrase((source,)) + what, [Target(pronouns[source.text], source)]
    receiver = thing(dice, ["human"], subject, plain=True, definite=True)
    clitic = Target("le" if receiver.number == SINGULAR else "les")
    return what + say("to") + receiver.phrase, [clitic]


def place(dice: Dice, verb: Verb, subject: NounPhrase, depth: int) -> Phrase:
    """One of the places or companions that go with the verb; nothing for a verb that has none."""
    if verb.objects == ("-",):
        return EMPTY
    link, kind = dice.pick(verb.objects).split()
    english, spanish = (part.replace("_", " ") for part in link.split("/"))
    definite = kind in ("place", "human", "kin", "work", "room", "built", "outside", "home", "town", "waters")
    np = thing(dice, [kind], subject, max(depth - 1, 0), definite=definite)
    if english == "-":
        return Phrase((), (Target(spanish, None),)) + np.phrase
    return translated(english, spanish) + np.phrase


def translated(english: str, spanish: str) -> Phrase:
    """A preposition: the lexicon's own expression where it has the same Spanish, else one that the verb governs."""
    usual = EXPRESSIONS.get(english, "")
    if [part.partition("<")[0] for part in usual.split()] == spanish.split():
        return say(english)
    return word(english, *spanish.split())


# ── states ────────────────────────────────────────────────────────────────────────────────────────────────────────────

STATE_TENSES = {"present": 62, "past": 28, "future": 10}


def state(dice: Dice, subject: NounPhrase | None = None, tense: str = "", question: bool = False) -> Clause:
    """A clause with be: a quality, a feeling, a place, or an occupation."""
    tense = tense or dice.weigh(STATE_TENSES)
    negative = not question and dice.chance(0.14)
    kind = dice.weigh({"quality": 60, "feeling": 14, "place": 18, "occupation": 12})
    if kind == "feeling":
        subject = subject or subject_for(dice, ["human", "animal"], 1, known=True)
        return feeling(dice, subject, tense, negative)
    if kind == "place" and subject is None:
        return whereabouts(dice, tense, negative)
    if kind == "occupation" and subject is None:
        return profession(dice, tense, negative)
    return quality(dice, subject, tense, negative)


def quality(dice: Dice, subject: NounPhrase | None, tense: str, negative: bool) -> Clause:
    """the house is big and expensive; ser for what a thing is, estar for the state it is in."""
    subject_free = subject is None
    if subject is None:
        adjective = dice.pick([a for a in ADJECTIVES if "before" not in a.notes])
        kind = dice.pick(sorted(adjective.kinds))
        subject = subject_for(dice, [kind], 1, known=True)
    else:
        adjective = dice.pick([a for a in ADJECTIVES if a.copula == "estar" and a.kinds & subject.kinds])
    if describes(adjective, subject):
        return quality(dice, None if subject_free else subject, tense, negative)
    others = [a for a in ADJECTIVES if a is not adjective and a.copula == adjective.copula and "before" not in a.notes
              and not a.notes & adjective.notes & {"color", "size"} and a.kinds & subject.kinds
              and {a.english, adjective.english} not in OPPOSITES and not describes(a, subject)]
    habit = "always" if tense == "present" and adjective.copula == "estar" and not negative and dice.chance(0.1) else ""
    predicate = word(adjective.english, adjective.spanish[subject.form])
    adjectives = [adjective]
    if adjective.notes & {"color", "predicate"}:
        pass
    elif dice.chance(0.2):
        predicate = say("very") + predicate
    elif others and dice.chance(0.18):
        adjectives.append(dice.pick(others))
        predicate += say(dice.pick(["and", "and", "or"])) + word(adjectives[1].english, adjectives[1].spanish[subject.form])
    record = frozenset(("adjective", a.english, noun) for a in adjectives for noun in subject.nouns)
    group = be_group(adjective.copula, subject, tense, negative, habit)
    return Clause(subject, group, predicate + Phrase(combinations=record), tense, subject_last=True)


def describes(adjective: Adjective, np: NounPhrase) -> bool:
    """True when the noun phrase has the adjective already, or its opposite."""
    said = {english for kind, english, _ in np.phrase.combinations if kind == "adjective"}
    return any(english == adjective.english or {english, adjective.english} in OPPOSITES for english in said)


OPPOSITES = [
    {"big", "small"}, {"new", "old"}, {"expensive", "cheap"}, {"beautiful", "ugly"}, {"tall", "short"}, {"young", "old"},
    {"rich", "poor"}, {"difficult", "easy"}, {"happy", "sad"}, {"happy", "angry"}, {"clean", "dirty"}, {"cold", "hot"},
    {"open", "closed"}, {"happy", "sick"},
]  # fmt: skip


def feeling(dice: Dice, subject: NounPhrase, tense: str, negative: bool) -> Clause:
    """he is very hungry: tiene mucha hambre."""
    english, spanish, much = dice.pick(FEELINGS)
    group = be_group("tener", subject, tense, negative)
    very = word("very", much) if not negative and dice.chance(0.25) else EMPTY
    return Clause(subject, group, very + word(english, spanish), tense, subject_last=True)


def whereabouts(dice: Dice, tense: str, negative: bool) -> Clause:
    """the key is under the table: la llave está debajo de la mesa."""
    what, where, kind = dice.pick([
        ("thing", "on", "surface"), ("thing", "under", "surface"), ("thing", "in", "container"), ("thing", "in", "room"),
        ("animal", "in", "outside"), ("pet", "under", "surface"), ("pet", "on", "seat"), ("animal", "behind", "tree"),
        ("human", "in", "place"), ("human", "in front of", "built"), ("human", "near", "opening"), ("vehicle", "behind", "built"),
        ("driven", "in front of", "built"), ("built", "near", "waters"), ("furniture", "in", "room"),
        ("town", "near", "waters"), ("human", "behind", "tree"), ("furniture", "near", "opening"), ("star", "near", "moon"),
    ])  # fmt: skip
    subject = subject_for(dice, [what], 1, known=True)
    spot = thing(dice, [kind], subject, definite=True)
    group = be_group("estar", subject, tense, negative)
    return Clause(subject, group, say(where) + spot.phrase, tense)


def profession(dice: Dice, tense: str, negative: bool) -> Clause:
    """my sister is a doctor: mi hermana es médica, without an article."""
    subject = dice.weigh({lambda: pronoun(dice, gendered=True): 30, lambda: named(dice): 30,
                          lambda: thing(dice, ["kin"], plain=True, definite=True): 40})()
    occupation = dice.pick(OCCUPATIONS)
    article = (Source("a"),) if subject.number == SINGULAR else ()
    job = word(occupation.english if subject.number == SINGULAR else occupation.plural, occupation.spanish[subject.form])
    group = be_group("ser", subject, tense, negative)
    return Clause(subject, group, Phrase(article) + job, tense, subject_last=True)


def comparison(dice: Dice) -> Phrase:
    """the cat is bigger than the dog: el gato es más grande que el perro."""
    adjective = dice.pick([a for a in ADJECTIVES if a.comparative != "-" and a.copula == "ser"])
    kind = dice.pick(sorted(adjective.kinds))
    subject = subject_for(dice, [kind], 0, known=True)
    other = thing(dice, [kind], plain=True, definite=True)
    if describes(adjective, subject) or describes(adjective, other) or subject.nouns == other.nouns:
        return comparison(dice)
    tense = dice.weigh({"present": 80, "past": 20})
    group = be_group(adjective.copula, subject, tense, dice.chance(0.1))
    record = frozenset(("adjective", adjective.english, noun) for noun in subject.nouns)
    more = word(adjective.comparative, "más", adjective.spanish[subject.form]) + Phrase(combinations=record)
    return Clause(subject, group, more + word("than", "que") + other.phrase, tense).statement()


def existence(dice: Dice) -> Phrase:
    """there is a cat in the garden: hay un gato en el jardín."""
    what, where, kind = dice.pick([
        ("thing", "on", "surface"), ("thing", "in", "container"), ("animal", "in", "outside"), ("pet", "on", "seat"),
        ("human", "in", "place"), ("furniture", "in", "room"), ("tree", "in front of", "built"), ("built", "near", "waters"),
        ("vehicle", "behind", "built"), ("drink", "on", "surface"), ("food", "on", "surface"),
    ])  # fmt: skip
    noun = dice.pick(nouns_of(what))
    number = SINGULAR if "mass" in noun.kinds or dice.chance(0.5) else PLURAL
    determiner = "" if "mass" in noun.kinds else "a" if number == SINGULAR else dice.pick(
        ["two", "three", "four", "five", "seven", "eight", "many", "some"])
    np = assemble(noun, number, determiner, describe(dice, noun, number))
    past, negative = dice.chance(0.3), not determiner and dice.chance(0.3)
    be = word(english_be(np, "past" if past else "present"), "había" if past else "hay")
    no = word(NOT, NO) if negative else EMPTY
    spot = thing(dice, [kind], plain=True, definite=True)
    english = (Source("there"), *be.english, *no.english)
    return Phrase(english, no.spanish + be.spanish) + np.phrase + say(where) + spot.phrase


def liking(dice: Dice) -> Phrase:
    """the girl likes the cat: a la niña le gusta el gato, with the object as Spanish subject."""
    english_subject = subject_for(dice, ["human"], 0)
    negative = dice.chance(0.2)
    auxiliary = (Source("does" if third(english_subject) else "do"), Source(NOT)) if negative else ()
    likes = Source("likes" if third(english_subject) and not negative else "like")
    no = (Target(NO, auxiliary[1]),) if negative else ()
    if dice.chance(0.35):
        verb = dice.pick([v for v in verbs_for(TRANSITIVE, english_subject) if not v.notes & {"present", "still"}])
        np = object_of(dice, verb, english_subject, 0)
        action = Source("to"), *_sources(verb.base)
        infinitive = Target(verb.spanish, action[1])
        liked = Phrase(action, (infinitive,)) + taken(verb, np)
        plural = False
    else:
        kind = dice.pick(["pet", "food", "drink", "clothing", "thing", "sight", "vehicle", "instrument", "song"])
        np = thing(dice, [kind], english_subject, 1, definite=True)
        liked, plural = np.phrase, np.number == PLURAL
    gusta = Target("gustan" if plural else "gusta", likes)
    subject = english_subject.phrase
    english = (*subject.english, *auxiliary, likes)
    if english_subject.person == 1:
        clitic = Target("me" if english_subject.number == SINGULAR else "nos", subject.english[0])
    elif english_subject.pronoun:
        clitic = Target("le" if english_subject.number == SINGULAR else "les", subject.english[0])
    else:
        clitic = Target("le" if english_subject.number == SINGULAR else "les")
    person_ = (Target("a"), *subject.spanish) if subject.spanish else ()
    spanish = (*person_[:1], *person_[1:], *no, clitic, gusta)
    return Phrase(english, spanish, subject.combinations) + liked


# ── sentences ─────────────────────────────────────────────────────────────────────────────────────────────────────────

DOERS = {("human",): 78, ("animal",): 19, ("baby",): 3}


def doer(dice: Dice, depth: int = 1) -> NounPhrase:
    """A subject that can do things."""
    return subject_for(dice, dice.weigh(DOERS), depth)


def statement(dice: Dice) -> Phrase:
    """Somebody does something."""
    return deed(dice, doer(dice)).statement()


def description(dice: Dice) -> Phrase:
    """Something is somehow or somewhere."""
    return state(dice).statement()


def other(dice: Dice, kinds: Collection[str] = ()) -> NounPhrase:
    """A subject to ask about: anybody but oneself."""
    subject = subject_for(dice, kinds, 0) if kinds else doer(dice, 0)
    return subject if subject.person == 3 else other(dice, kinds)


def yes_no_question(dice: Dice) -> Phrase:
    """A question about a deed or a state."""
    if dice.chance(0.35):
        return state(dice, question=True).question()
    return deed(dice, other(dice), depth=0, question=True).question()


def open_question(dice: Dice) -> Phrase:
    """who, what, where, when, why or how many."""
    return dice.pick([ask_who, ask_what, ask_where, ask_where_is, ask_when, ask_why, ask_how_many])(dice)


def ask(question_word: Phrase, clause: Clause) -> Phrase:
    """A question word before a question without its opening mark."""
    asked = clause.question()
    return Phrase(
        question_word.english + asked.english,
        asked.spanish[:1] + question_word.spanish + asked.spanish[1:],
        question_word.combinations | asked.combinations,
    )


def ask_who(dice: Dice) -> Phrase:
    """who bought the bread ? ¿ quién compró el pan ?"""
    who = NounPhrase(word("who", "quién"), kinds=frozenset({"human", "question word"}))
    clause = deed(dice, who, dice.weigh({"present": 40, "past": 40, "future": 20}), depth=1, linking=False, negative=False)
    mark = word("?", "?")
    phrase = clause.statement() + mark
    return Phrase(phrase.english, (Target("¿", mark.english[0]), *phrase.spanish), phrase.combinations)


def ask_what(dice: Dice) -> Phrase:
    """what does the boy buy ? ¿ qué compra el niño ?"""
    subject = other(dice, ["human"])
    verb = dice.pick([v for v in verbs_for(TRANSITIVE, subject) if "human" not in v.objects[0].split()])
    group = verb_group(verb, subject, any_tense(dice, verb), question=True)
    return ask(word("what", "qué"), Clause(subject, group, EMPTY, ""))


def ask_where(dice: Dice) -> Phrase:
    """where did the girl sing ? ¿ dónde cantó la niña ?"""
    subject = other(dice, ["human"])
    verb = dice.pick([v for v in verbs_for(INTRANSITIVE, subject) if any(o.startswith("in/en") for o in v.objects)])
    tense = any_tense(dice, verb)
    group = verb_group(verb, subject, tense, question=True)
    when = time(dice, tense) if dice.chance(0.2) else EMPTY
    return ask(word("where", "dónde"), Clause(subject, group, when, tense))


def ask_where_is(dice: Dice) -> Phrase:
    """where is the key ? ¿ dónde está la llave ?"""
    subject = thing(dice, [dice.pick(["thing", "human", "pet", "clothing", "vehicle"])], depth=1, definite=True)
    group = be_group("estar", subject, dice.weigh({"present": 70, "past": 30}))
    return ask(word("where", "dónde"), Clause(subject, group, EMPTY, ""))


def ask_when(dice: Dice) -> Phrase:
    """when did the train leave ? ¿ cuándo salió el tren ?"""
    return ask(word("when", "cuándo"), deed(dice, other(dice), dice.pick(["past", "future"]), 0, True, False, False))


def ask_why(dice: Dice) -> Phrase:
    """why is the boy sad ? ¿ por qué está triste el niño ?"""
    why = word("why", "por", "qué")
    if dice.chance(0.5):
        return ask(why, state(dice, subject_for(dice, ["human", "animal"], 0, known=True), dice.pick(["present", "past"]), True))
    return ask(why, deed(dice, other(dice), dice.pick(["present", "past", "progressive"]), 0, True, False, False))


def ask_how_many(dice: Dice) -> Phrase:
    """how many books does she have ? ¿ cuántos libros tiene ?"""
    subject = other(dice, ["human"])
    verb = dice.pick([v for v in TRANSITIVE if v.base in ("have", "buy", "sell", "need", "want", "see", "break") and "human" in v.subjects])
    countable = [n for n in nouns_of(*verb.objects[0].split()) if n.plural != "-" and "unique" not in n.kinds]
    noun = dice.pick(countable)
    many = word("many", "cuántos" if noun.gender == "m" else "cuántas")
    counted = word(noun.plural, noun.spanish_plural)
    group = verb_group(verb, subject, any_tense(dice, verb), question=True)
    record = Phrase(combinations=frozenset({("object", verb.base, noun.english)}))
    return ask(Phrase((Source("how"),)) + many + counted + record, Clause(subject, group, EMPTY, ""))


PAIRS_OF_VERBS = {  # what is done first: what can be done to the same object afterwards
    "buy": ["open", "eat", "sell", "lose", "wash", "break", "paint", "drink", "repair", "forget"],
    "find": ["open", "carry", "sell", "wash", "repair", "call", "follow"],
    "look for": ["find"],
    "cook": ["eat", "sell"],
    "prepare": ["eat", "drink", "explain"],
    "open": ["close", "clean"],
    "choose": ["buy", "carry"],
    "see": ["buy", "call", "follow", "look at", "invite", "choose", "catch", "cross"],
    "write": ["sell", "sing", "lose"],
    "wash": ["use", "sell"],
    "lose": ["find", "look for"],
    "study": ["understand"],
    "learn": ["sing", "forget"],
    "repair": ["drive", "sell", "use"],
    "build": ["paint", "sell", "clean"],
    "call": ["invite", "visit", "help"],
    "visit": ["help"],
    "follow": ["catch", "call"],
    "receive": ["open", "lose"],
}


def same_object(dice: Dice) -> Phrase:
    """she buys the apple and eats it: compra la manzana y la come; *la* agrees with the noun before."""
    subject = subject_for(dice, dice.weigh({("human",): 85, ("animal",): 15}), 0)
    doable = [v for v in verbs_for(TRANSITIVE, subject) if v.base in PAIRS_OF_VERBS]
    first = dice.pick(doable)
    seconds = [v for v in verbs_for(TRANSITIVE, subject) if v.base in PAIRS_OF_VERBS[first.base]]
    np = thing(dice, [dice.pick(first.objects[0].split())], subject, plain=True)
    fitting = [v for v in seconds if np.kinds & set(v.objects[0].split()) and "present" not in v.notes]
    if not fitting or not {"present"}.isdisjoint(first.notes):
        return same_object(dice)
    second = dice.pick(fitting)
    tense = dice.weigh({"present": 35, "past": 50, "future": 15})
    english, spanish = clitic_for(np)
    source = Source(english)
    one = verb_group(first, subject, tense)
    other = verb_group(second, subject, tense, clitics=[Target(spanish, source)])
    record = frozenset(("object", second.base, noun) for noun in np.nouns)
    start = subject.phrase + Phrase(one.english, one.spanish) + taken(first, np)
    return start + say("and") + Phrase((*other.english, source), other.spanish, record)


def clitic_for(np: NounPhrase) -> tuple[str, str]:
    """The object pronoun of both languages for a noun phrase: it, him, her or them."""
    spanish = ("lo", "la", "los", "las")[np.form]
    if np.number == PLURAL:
        return "them", spanish
    if "human" not in np.kinds:
        return "it", spanish
    return ("her" if np.gender == "f" else "him"), spanish


def two_deeds(dice: Dice) -> Phrase:
    """One subject does one thing and another; both in one tense."""
    subject = doer(dice)
    tense = dice.weigh({"present": 40, "past": 45, "future": 15})
    first = deed(dice, subject, tense, 0, linking=False, when=False, negative=False)
    second = deed(dice, subject, tense, 0, linking=False, negative=False)
    return first.statement() + say(dice.weigh({"and": 85, "or": 15})) + second.without_subject()


def because(dice: Dice) -> Phrase:
    """she sleeps because she is tired; an adjective agrees with the one that the pronoun stands for."""
    subject = doer(dice, 0)
    tense = dice.pick(["present", "past"])
    first = deed(dice, subject, tense, 0, when=False)
    again = subject if subject.pronoun else replace(subject, phrase=word(pronoun_for(subject)), pronoun=True)
    if (subject.pronoun and (subject.person == 1 or subject.number == PLURAL)) or dice.chance(0.4):
        second = feeling(dice, again, tense, dice.chance(0.1))
    else:
        second = quality(dice, again, tense, dice.chance(0.1))
    return first.statement() + say("because") + second.statement()


def contrast(dice: Dice) -> Phrase:
    """One does this, but the other does that; or wants to, but cannot."""
    first = statement(dice) if dice.chance(0.6) else description(dice)
    second = deed(dice, person(dice), depth=0).statement() if dice.chance(0.6) else description(dice)
    return first + word(",", ",") + say("but") + second


def two_sentences(dice: Dice) -> Phrase:
    """Two sentences with and, or one while the other (when)."""
    tense = dice.pick(["present", "past"])
    first = deed(dice, doer(dice, 0), tense, 0)
    second = deed(dice, person(dice), tense, 0, when=False)
    return first.statement() + say(dice.weigh({"and": 70, "when": 30})) + second.statement()


def saying(dice: Dice) -> Phrase:
    """She says that …: dice que …"""
    subject = person(dice)
    verb = dice.pick(SAYING)
    group = verb_group(verb, subject, "present")
    content = dice.pick([statement, statement, description, liking])(dice)
    return subject.phrase + Phrase(group.english, group.spanish) + say("that") + content


RULES: dict[Callable[[Dice], Phrase], int] = {
    statement: 36,
    description: 15,
    yes_no_question: 9,
    open_question: 7,
    same_object: 6,
    two_deeds: 5,
    because: 5,
    liking: 5,
    existence: 4,
    comparison: 3,
    contrast: 3,
    two_sentences: 4,
    saying: 5,
}


def example() -> Phrase:
    """the cat sat on the mat: el gato se sentó en la alfombra, the sentence that the notebooks show."""
    cat, mat = (assemble(nouns_of(name)[0], SINGULAR, "the", []) for name in ("cat", "mat"))
    (sit,) = (verb for verb in INTRANSITIVE if verb.base == "sit")
    return Clause(cat, verb_group(sit, cat, "past"), say("on") + mat.phrase, "past").statement()


def sentence(dice: Dice) -> Phrase:
    """One sentence of the language."""
    return dice.weigh(RULES)(dice)
