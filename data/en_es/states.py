"""Something is: qualities, feelings, places, occupations, comparisons, and what there is."""

from __future__ import annotations

from clauses import Clause, object_of, rich_thing, subject_for, taken, verbs_for
from dice import Dice
from lexicon import ADJECTIVES, FEELINGS, OCCUPATIONS, OPPOSITES, TRANSITIVE, WHEREABOUTS, Adjective
from noun_phrases import (
    PLURAL,
    SINGULAR,
    NounPhrase,
    assemble,
    describe,
    named,
    nouns_of,
    pronoun,
    say,
    thing,
)
from phrase import EMPTY, Phrase, Source, Target, word
from verb_groups import be_group, english_be, third

STATE_TENSES = {"present": 62, "past": 28, "future": 10}
NUMBERS = ("two", "three", "four", "five", "seven", "eight", "many", "some")


def state(dice: Dice, asked: bool = False) -> Clause:
    """A clause with be: a quality, a feeling, a place, or an occupation; never a negative one if `asked`."""
    tense = dice.weigh(STATE_TENSES)
    negative = not asked and dice.chance(0.14)
    kind = dice.weigh({"quality": 60, "feeling": 14, "place": 18, "occupation": 12})
    if kind == "feeling":
        return feeling(dice, subject_for(dice, ["human", "animal"], 1, known=True), tense, negative)
    if kind == "place":
        return whereabouts(dice, tense, negative)
    if kind == "occupation":
        return profession(dice, tense, negative)
    return quality(dice, tense, negative)


def quality(dice: Dice, tense: str, negative: bool) -> Clause:
    """the house is big: an adjective of any noun that it describes."""
    adjective = dice.pick([a for a in ADJECTIVES if "before" not in a.notes])
    subject = subject_for(dice, [dice.pick(sorted(adjective.kinds))], 1, known=True)
    if describes(adjective, subject) or (tense == "future" and subject.animate and adjective.copula == "ser"):
        return quality(dice, tense, negative)
    return predicate(dice, subject, adjective, tense, negative)


def condition(dice: Dice, subject: NounPhrase, tense: str) -> Clause:
    """she is tired: how a person or an animal is at the time."""
    fitting = [a for a in ADJECTIVES if a.copula == "estar" and a.kinds & subject.kinds and not describes(a, subject)]
    return predicate(dice, subject, dice.pick(fitting), tense, negative=False)


def predicate(dice: Dice, subject: NounPhrase, adjective: Adjective, tense: str, negative: bool) -> Clause:
    """is big, is very big, is big and expensive; ser for what a thing is, estar for the state it is in."""
    said = [adjective]
    habit, very = "", EMPTY
    if adjective.copula == "estar" and tense == "present" and not negative and dice.chance(0.1):
        habit = "always"
    if not adjective.notes & {"color", "predicate"}:
        others = [a for a in ADJECTIVES if goes_with(a, adjective, subject)]
        choice = dice.weigh({"alone": 64, "very": 20, "two": 16 if others else 0})
        very = say("very") if choice == "very" else EMPTY
        said += [dice.pick(others)] if choice == "two" else []
    words = [word(a.english, a.spanish[subject.form]) for a in said]
    rest = very + words[0]
    if len(words) == 2:
        rest += say(dice.weigh({"and": 67, "or": 33})) + words[1]
    noted = Phrase(combinations=frozenset(("adjective", a.english, noun) for a in said for noun in subject.nouns))
    group = be_group(adjective.copula, subject, tense, negative, habit)
    return Clause(subject, group, rest + noted, subject_last=True)


def goes_with(other: Adjective, adjective: Adjective, subject: NounPhrase) -> bool:
    """True when the other adjective can be said of the subject too, in one breath."""
    return (
        other is not adjective
        and other.copula == adjective.copula
        and bool(other.kinds & subject.kinds)
        and not other.notes
        and {other.english, adjective.english} not in OPPOSITES
        and not describes(other, subject)
    )


def describes(adjective: Adjective, np: NounPhrase) -> bool:
    """True when the noun phrase has the adjective already, or its opposite."""
    said = [a for a in ADJECTIVES for noun in np.nouns if ("adjective", a.english, noun) in np.phrase.combinations]
    return any(
        a is adjective or {a.english, adjective.english} in OPPOSITES or "color" in a.notes & adjective.notes
        for a in said
    )


def feeling(dice: Dice, subject: NounPhrase, tense: str, negative: bool = False) -> Clause:
    """he is very hungry: tiene mucha hambre."""
    return having(dice, subject, dice.pick(FEELINGS), tense, negative)


def having(dice: Dice, subject: NounPhrase, felt: tuple[str, str, str], tense: str, negative: bool = False) -> Clause:
    """A feeling that Spanish has: its English and Spanish words, and *very*."""
    english, spanish, much = felt
    group = be_group("tener", subject, tense, negative)
    very = word("very", much) if not negative and dice.chance(0.25) else EMPTY
    return Clause(subject, group, very + word(english, spanish), subject_last=True)


def reason(dice: Dice, subject: NounPhrase, english: str, tense: str) -> Clause:
    """The state with this English name: she is hungry, she is tired."""
    for felt in FEELINGS:
        if felt[0] == english:
            return having(dice, subject, felt, tense)
    (adjective,) = (a for a in ADJECTIVES if a.english == english)
    return predicate(dice, subject, adjective, tense, negative=False)


def whereabouts(dice: Dice, tense: str, negative: bool) -> Clause:
    """the key is under the table: la llave está debajo de la mesa."""
    what, where, kind, _ = dice.pick([row for row in WHEREABOUTS if "is" in row[3]])
    subject = subject_for(dice, [what], 1, known=True)
    spot = thing(dice, [kind], subject, definite=True, single=True)
    return Clause(subject, be_group("estar", subject, tense, negative), say(where) + spot.phrase)


def profession(dice: Dice, tense: str, negative: bool) -> Clause:
    """my sister is a doctor: mi hermana es médica, without an article."""
    kind = dice.weigh({"pronoun": 30, "name": 30, "family": 40})
    subject = pronoun(dice, gendered=True) if kind == "pronoun" else named(dice)
    if kind == "family":
        subject = thing(dice, ["family"], definite=True)
    job = dice.pick(OCCUPATIONS)
    article = Phrase((Source("a"),) if subject.number == SINGULAR else ())
    name = word(job.english if subject.number == SINGULAR else job.plural, job.spanish[subject.form])
    return Clause(subject, be_group("ser", subject, tense, negative), article + name, subject_last=True)


SORTS = {"human", "animal", "food", "drink", "thing", "text", "task", "clothing", "furniture", "vehicle", "instrument"}
SORTS |= {"event", "place", "room", "town", "outside", "crossed", "tree", "art"}


def comparison(dice: Dice) -> Phrase:
    """the cat is bigger than the dog: el gato es más grande que el perro."""
    adjective = dice.pick([a for a in ADJECTIVES if a.comparative != "-"])
    kind = dice.pick(sorted(adjective.kinds))
    subject = subject_for(dice, [kind], 0, known=True)
    other = thing(dice, [kind], definite=True)
    alike = subject.pronoun or subject.kinds & other.kinds & SORTS
    if (
        not alike
        or describes(adjective, subject)
        or describes(adjective, other)
        or set(subject.nouns) & set(other.nouns)
    ):
        return comparison(dice)
    tense = dice.weigh({"present": 80, "past": 20})
    group = be_group(adjective.copula, subject, tense, negative=dice.chance(0.1))
    more = word(adjective.comparative, "más", adjective.spanish[subject.form])
    noted = Phrase(combinations=frozenset(("adjective", adjective.english, noun) for noun in subject.nouns))
    return Clause(subject, group, more + word("than", "que") + other.phrase + noted).statement()


def existence(dice: Dice) -> Phrase:
    """there is a cat in the garden: hay un gato en el jardín."""
    what, where, kind, _ = dice.pick([row for row in WHEREABOUTS if "there" in row[3]])
    noun = dice.pick([noun for noun in nouns_of(what) if "family" not in noun.kinds])
    mass = "mass" in noun.kinds
    number = SINGULAR if mass or dice.chance(0.5) else PLURAL
    determiner = "" if mass else "a" if number == SINGULAR else dice.pick(NUMBERS)
    np = assemble(noun, number, determiner, describe(dice, noun))
    past = dice.chance(0.3)
    be = word(english_be(np, "past" if past else "present"), "había" if past else "hay")
    no = word("not", "no") if mass and dice.chance(0.3) else EMPTY
    there = Phrase((Source("there"), *be.english, *no.english), no.spanish + be.spanish)
    return there + np.phrase + say(where) + thing(dice, [kind], definite=True, single=True).phrase


LIKED = ("pet", "food", "drink", "clothing", "thing", "sight", "vehicle", "instrument", "song")


def liking(dice: Dice) -> Phrase:
    """the girl likes the cat: a la niña le gusta el gato; who likes is announced, what is liked is the subject."""
    person = subject_for(dice, ["human"], 0)
    if len(person.nouns) > 1:
        return liking(dice)
    negative = dice.chance(0.2)
    auxiliary = [Source("does" if third(person) else "do"), Source("not")] if negative else []
    likes = Source("likes" if third(person) and not negative else "like")
    liked, plural = liked_deed(dice, person) if dice.chance(0.35) else liked_thing(dice, person)
    clitic = "me" if person.person == 1 else "les" if person.number == PLURAL else "le"
    announced = person.phrase.english[0] if person.pronoun else None
    to = (Target("a"), *person.phrase.spanish) if person.phrase.spanish else ()
    no = (Target("no", auxiliary[1]),) if negative else ()
    gusta = (Target(clitic, announced), Target("gustan" if plural else "gusta", likes))
    english = (*person.phrase.english, *auxiliary, likes)
    return Phrase(english, (*to, *no, *gusta), person.phrase.combinations) + liked


def liked_deed(dice: Dice, person: NounPhrase) -> tuple[Phrase, bool]:
    """to read the book; not plural."""
    verb = dice.pick([v for v in verbs_for(TRANSITIVE, person) if not v.notes & {"present", "still"}])
    to, main = Source("to"), [Source(text) for text in verb.base.split()]
    infinitive = Phrase((to, *main), (Target(verb.spanish, main[0]),))
    return infinitive + taken(verb, object_of(dice, verb, person, 0)), False


def liked_thing(dice: Dice, person: NounPhrase) -> tuple[Phrase, bool]:
    """the cats, and whether they are more than one."""
    np = rich_thing(dice, [dice.pick(LIKED)], person, definite=True)
    return np.phrase, np.number == PLURAL
