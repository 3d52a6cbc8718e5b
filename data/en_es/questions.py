"""Questions: yes or no, who, what, where, when, why, how many."""

from __future__ import annotations

from collections.abc import Collection

from clauses import Clause, choose_tense, deed, record, rich_thing, subject_for, time, verbs_for
from dice import Dice
from lexicon import INTRANSITIVE, TRANSITIVE
from noun_phrases import NounPhrase, agreement, nouns_of, thing
from phrase import EMPTY, Phrase, Source, Target, word
from states import condition, feeling, state
from verb_groups import be_group, verb_group

ACTORS = {"human": 80, "animal": 20}


def somebody(dice: Dice, kinds: Collection[str] = ()) -> NounPhrase:
    """A subject to ask about: anybody but oneself."""
    subject = subject_for(dice, kinds or [dice.weigh(ACTORS)], 0)
    return subject if subject.person == 3 else somebody(dice, kinds)


def yes_no_question(dice: Dice) -> Phrase:
    """does the girl sing ? ¿ canta la niña ?"""
    if dice.chance(0.35):
        return state(dice, asked=True).question()
    return deed(dice, somebody(dice), depth=0, question=True).question()


def open_question(dice: Dice) -> Phrase:
    """A question that begins with a question word."""
    return dice.pick([ask_who, ask_what, ask_where, ask_where_is, ask_when, ask_why, ask_how_many])(dice)


def ask(question_word: Phrase, clause: Clause) -> Phrase:
    """A question word before a question, in Spanish after its opening mark."""
    asked = clause.question()
    return Phrase(
        question_word.english + asked.english,
        asked.spanish[:1] + question_word.spanish + asked.spanish[1:],
        question_word.combinations | asked.combinations,
    )


def ask_who(dice: Dice) -> Phrase:
    """who bought the bread ? ¿ quién compró el pan ?"""
    who = NounPhrase(word("who", "quién"), kinds=frozenset({"human"}))
    tense = dice.weigh({"present": 40, "past": 40, "future": 20})
    statement = deed(dice, who, tense, linking=False, when=False, negative=False).statement()
    mark = word("?", "?")
    return Phrase((), (Target("¿", mark.english[0]),)) + statement + mark


def ask_what(dice: Dice) -> Phrase:
    """what does the boy buy ? ¿ qué compra el niño ?"""
    subject = somebody(dice, ["human"])
    verb = dice.pick([v for v in verbs_for(TRANSITIVE, subject) if "human" not in v.objects[0].split()])
    group = verb_group(verb, subject, choose_tense(dice, verb), question=True)
    return ask(word("what", "qué"), Clause(subject, group))


def ask_where(dice: Dice) -> Phrase:
    """where did the girl sing ? ¿ dónde cantó la niña ?"""
    subject = somebody(dice, ["human"])
    verb = dice.pick([v for v in verbs_for(INTRANSITIVE, subject) if any(o.startswith("in/en") for o in v.objects)])
    tense = choose_tense(dice, verb)
    group = verb_group(verb, subject, tense, question=True)
    when = time(dice, tense) if verb.adverbs and dice.chance(0.2) else EMPTY
    return ask(word("where", "dónde"), Clause(subject, group, when))


def ask_where_is(dice: Dice) -> Phrase:
    """where is the key ? ¿ dónde está la llave ?"""
    subject = rich_thing(dice, [dice.pick(["thing", "human", "pet", "clothing", "vehicle"])], definite=True)
    group = be_group("estar", subject, dice.weigh({"present": 70, "past": 30}))
    return ask(word("where", "dónde"), Clause(subject, group))


def ask_when(dice: Dice) -> Phrase:
    """when did the boy leave ? ¿ cuándo salió el niño ?"""
    tense = dice.pick(["past", "future"])
    clause = deed(dice, somebody(dice), tense, depth=0, question=True, linking=False, when=False)
    return ask(word("when", "cuándo"), clause)


def ask_why(dice: Dice) -> Phrase:
    """why is the boy sad ? ¿ por qué está triste el niño ?"""
    why = word("why", "por", "qué")
    if dice.chance(0.5):
        subject = thing(dice, [dice.weigh(ACTORS)], definite=True)
        tense = dice.pick(["present", "past"])
        return ask(why, feeling(dice, subject, tense) if dice.chance(0.3) else condition(dice, subject, tense))
    tense = dice.pick(["present", "past", "progressive"])
    return ask(why, deed(dice, somebody(dice), tense, depth=0, question=True, linking=False, when=False))


COUNTABLE_OBJECTS = {"have", "buy", "sell", "need", "want", "see", "break"}


def ask_how_many(dice: Dice) -> Phrase:
    """how many books does she have ? ¿ cuántos libros tiene ?"""
    subject = somebody(dice, ["human"])
    verb = dice.pick([v for v in verbs_for(TRANSITIVE, subject) if v.base in COUNTABLE_OBJECTS])
    noun = dice.pick([n for n in nouns_of(*verb.objects[0].split()) if n.plural != "-" and "unique" not in n.kinds])
    many = word("many", ("cuántos", "cuántas")[agreement(noun.gender, "singular")])
    counted = NounPhrase(word(noun.plural, noun.spanish_plural), nouns=(noun.english,))
    group = verb_group(verb, subject, choose_tense(dice, verb), question=True)
    question_word = Phrase((Source("how"),)) + many + counted.phrase + record(verb, counted)
    return ask(question_word, Clause(subject, group))
