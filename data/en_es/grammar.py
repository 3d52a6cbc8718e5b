"""A small bilingual grammar: English sentences, their one Spanish translation, and which word comes from which.

    lexicon, tables/   the words, and what goes with what
    phrase             a phrase in both languages whose Spanish words remember their English word
    conjugation        Spanish verb forms
    noun_phrases       the black cat: el gato negro
    verb_groups        did not eat: no comió
    clauses            she sees him in the park: lo ve en el parque
    states             the house is big: la casa es grande
    questions          where does she live ? ¿ dónde vive ?

Every rule builds both languages at once, so agreement, word order and alignment cannot drift apart. What makes the
translation unique: Spanish drops subject pronouns; a group of men and women, and a person of unknown gender, is
masculine; *it* and *them* have their noun in the sentence; questions put the subject after the verb; clitics stand
before the finite verb; people and animals as objects take the personal *a*, except what is bought, sold, had or needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clauses import Clause, deed, person, subject_for, taken, verbs_for
from dice import Dice
from lexicon import AFTERWARDS, FEELINGS, INTRANSITIVE, REASONS, SAYING, TRANSITIVE
from noun_phrases import PLURAL, SINGULAR, NounPhrase, assemble, nouns_of, pronoun_for, say, thing
from phrase import Phrase, Source, Target, word
from questions import open_question, yes_no_question
from states import comparison, existence, liking, reason, state
from verb_groups import verb_group

DOERS = {"human": 78, "animal": 19, "baby": 3}
TWO_TENSES = {"present": 50, "past": 50}
THREE_TENSES = {"present": 40, "past": 45, "future": 15}


def doer(dice: Dice, depth: int = 0) -> NounPhrase:
    """A subject that can do things."""
    return subject_for(dice, [dice.weigh(DOERS)], depth)


def statement(dice: Dice) -> Phrase:
    """Somebody does something."""
    return deed(dice, doer(dice, depth=1)).statement()


def description(dice: Dice) -> Phrase:
    """Something is somehow or somewhere."""
    return state(dice).statement()


def same_object(dice: Dice) -> Phrase:
    """she buys the apple and eats it: compra la manzana y la come; *la* agrees with the noun before."""
    subject = subject_for(dice, [dice.weigh({"human": 85, "animal": 15})], 0)
    tense = dice.weigh(THREE_TENSES)
    first = dice.pick([verb for verb in verbs_for(TRANSITIVE, subject, tense) if verb.base in AFTERWARDS])
    np = thing(dice, first.objects[0].split(), subject)
    fitting = [
        verb
        for verb in verbs_for(TRANSITIVE, subject, tense)
        if verb.base in AFTERWARDS[first.base] and any(np.kinds & set(kinds.split()) for kinds in verb.objects)
    ]
    if not fitting:
        return same_object(dice)
    second = dice.pick(fitting)
    english, spanish = pronouns_for(np)
    it = Source(english)
    one = verb_group(first, subject, tense)
    other = verb_group(second, subject, tense, clitics=[Target(spanish, it)])
    noted = frozenset(("object", second.base, noun) for noun in np.nouns)
    start = subject.phrase + Phrase(one.english, one.spanish) + taken(first, np)
    return start + say("and") + Phrase((*other.english, it), other.spanish, noted)


def pronouns_for(np: NounPhrase) -> tuple[str, str]:
    """The object pronoun of both languages for a noun phrase that was just said."""
    spanish = ("lo", "la", "los", "las")[np.form]
    if np.number == PLURAL:
        return "them", spanish
    if "human" not in np.kinds:
        return "it", spanish
    return ("her" if np.gender == "f" else "him"), spanish


def two_deeds(dice: Dice) -> Phrase:
    """she sings and dances: one subject, two verbs, one tense."""
    subject, tense = doer(dice), dice.weigh(THREE_TENSES)
    first = deed(dice, subject, tense, depth=0, linking=False, when=False, negative=False)
    second = deed(dice, subject, tense, depth=0, linking=False, negative=False)
    return first.statement() + say(dice.weigh({"and": 85, "or": 15})) + second.without_subject()


def because(dice: Dice) -> Phrase:
    """the girl sleeps because she is tired; *cansada* agrees with the one that the pronoun stands for."""
    subject, tense = doer(dice), dice.weigh(TWO_TENSES)
    again = subject if subject.pronoun else replace(subject, phrase=word(pronoun_for(subject)), pronoun=True)
    feelings = [english for english, *_ in FEELINGS]
    genderless = subject.pronoun and (subject.person == 1 or subject.number == PLURAL)
    why = dice.pick(feelings if genderless else sorted(REASONS))
    able = [v for v in verbs_for((*TRANSITIVE, *INTRANSITIVE), subject, tense) if v.base in REASONS[why]]
    if not able:
        return because(dice)
    first = deed(dice, subject, tense, depth=0, linking=False, when=False, negative=False, verb=dice.pick(able))
    return first.statement() + say("because") + reason(dice, again, why, tense).statement()


def contrast(dice: Dice) -> Phrase:
    """olga worked , but pedro did not get up; with a comma in both languages."""
    tense = dice.weigh(THREE_TENSES)
    if dice.chance(0.25):
        first, second = description(dice), description(dice)
    else:
        first = deed(dice, doer(dice), tense, depth=0, when=False).statement()
        second = deed(dice, person(dice, pronouns=False), tense, depth=0).statement()
    return first + word(",", ",") + say("but") + second


def two_clauses(dice: Dice) -> Phrase:
    """pedro sings and maria dances, or: the baby cried when pedro sang."""
    tense = dice.weigh(TWO_TENSES)
    first = deed(dice, doer(dice), tense, depth=0)
    second = deed(dice, person(dice, pronouns=False), tense, depth=0, when=False)
    return first.statement() + say(dice.weigh({"and": 70, "when": 30})) + second.statement()


def saying(dice: Dice) -> Phrase:
    """she says that the dog is hungry: dice que el perro tiene hambre."""
    subject = person(dice)
    group = verb_group(dice.pick(SAYING), subject, "present")
    content = dice.weigh({statement: 50, description: 25, liking: 25})(dice)
    return subject.phrase + Phrase(group.english, group.spanish) + say("that") + content


RULES: dict[Callable[[Dice], Phrase], int] = {
    statement: 40,
    description: 17,
    yes_no_question: 9,
    open_question: 7,
    same_object: 6,
    two_deeds: 4,
    because: 5,
    liking: 5,
    existence: 4,
    comparison: 3,
    contrast: 2,
    two_clauses: 3,
    saying: 4,
}


def sentence(dice: Dice) -> Phrase:
    """One sentence of the language."""
    return dice.weigh(RULES)(dice)


def example() -> Phrase:
    """the cat sat on the mat: el gato se sentó en la alfombra, the sentence that the notebooks show."""
    cat, mat = (assemble(nouns_of(name)[0], SINGULAR, "the", []) for name in ("cat", "mat"))
    (sit,) = (verb for verb in INTRANSITIVE if verb.base == "sit")
    return Clause(cat, verb_group(sit, cat, "past"), say("on") + mat.phrase).statement()
