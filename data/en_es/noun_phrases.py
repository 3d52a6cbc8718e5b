"""People and things: determiners, adjectives, nouns, names and pronouns, agreeing in both languages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache

from dice import Dice
from lexicon import ADJECTIVES, DETERMINERS, EXPRESSIONS, NAMES, NOUNS, STRESSED_A, Adjective, Noun
from phrase import EMPTY, Phrase, Target, expression, word

SINGULAR, PLURAL = "singular", "plural"


@dataclass(frozen=True)
class NounPhrase:
    """A phrase that names somebody or something, with what other words must agree with.

    `kinds` are those of its noun and `nouns` the English nouns that an adjective said of it describes; `pronoun` is
    True for i, he, she, they, and `simple` for a phrase with no other phrase or clause inside. `determiner` is English.
    """

    phrase: Phrase
    person: int = 3
    number: str = SINGULAR
    gender: str = "m"
    kinds: frozenset[str] = frozenset()
    nouns: tuple[str, ...] = ()
    determiner: str = ""
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


@cache
def nouns_of(*kinds: str) -> tuple[Noun, ...]:
    """The nouns that belong to one of the kinds; a noun's own English name is a kind too."""
    return tuple(noun for noun in NOUNS if suits(noun, kinds))


def noun_of(np: NounPhrase) -> Noun:
    """The noun of a noun phrase that has exactly one."""
    (english,) = np.nouns
    return next(noun for noun in NOUNS if noun.english == english)


@cache
def adjectives_of(english: str) -> tuple[Adjective, ...]:
    """The adjectives that can stand beside the noun with this English name."""
    noun = next(noun for noun in NOUNS if noun.english == english)
    return tuple(a for a in ADJECTIVES if suits(noun, a.kinds) and "predicate" not in a.notes)


def suits(noun: Noun, kinds: Collection[str]) -> bool:
    """True when the noun is of one of the kinds."""
    return any(kind in noun.kinds or kind == noun.english for kind in kinds)


def thing(
    dice: Dice,
    kinds: Collection[str],
    owner: NounPhrase | None = None,
    definite: bool = False,
    single: bool = False,
) -> NounPhrase:
    """Determiner, adjectives and a noun of one of the kinds, or a name if people are among them.

    `owner` is the subject whose possessive fits; `definite` asks for somebody or something that is not new, `single`
    for the singular.
    """
    if "human" in kinds and dice.chance(0.22):
        return named(dice)
    noun = dice.pick(nouns_of(*kinds))
    determiner, number = choose_determiner(dice, noun, owner, definite)
    if single and number == PLURAL:
        return thing(dice, kinds, owner, definite, single)
    return assemble(noun, number, determiner, describe(dice, noun))


def named(dice: Dice) -> NounPhrase:
    """A person's name."""
    english, spanish, gender = dice.pick(NAMES)
    kinds = frozenset({"human", "adult", "name"})
    return NounPhrase(word(english, spanish), gender=gender, kinds=kinds, nouns=(english,))


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


POSSESSIVES = ("my", "our", "his", "her", "their")


def possessive(dice: Dice, owner: NounPhrase | None) -> str:
    """my, our, his, her or their: most often the owner's own."""
    if owner is None or not owner.kinds & {"human"} or dice.chance(0.15):
        return dice.pick(["my", "our", "his", "her"])
    if owner.person == 1:
        return "my" if owner.number == SINGULAR else "our"
    if owner.number == PLURAL:
        return "their"
    return "her" if owner.gender == "f" else "his"


def describe(dice: Dice, noun: Noun) -> list[Adjective]:
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
    name = word(
        noun.english if number == SINGULAR else noun.plural, noun.spanish if number == SINGULAR else noun.spanish_plural
    )
    described = [word(a.english, a.spanish[form]) for a in adjectives]
    before = [p for p, a in zip(described, adjectives, strict=True) if "before" in a.notes]
    after = [p for p in reversed(described) if p not in before]
    article = determined(determiner, form, noun if not before else None)
    english = article.english + tuple(s for p in described for s in p.english) + name.english
    spanish = article.spanish + tuple(t for p in (*before, name, *after) for t in p.spanish)
    combinations = frozenset(("adjective", a.english, noun.english) for a in adjectives)
    phrase, kinds = Phrase(english, spanish, combinations), noun.kinds | {noun.english}
    return NounPhrase(phrase, 3, number, noun.gender, kinds, (noun.english,), determiner)


def determined(determiner: str, form: int, noun: Noun | None) -> Phrase:
    """The determiner in the form that agrees; el and un before a noun that begins with a stressed a."""
    if not determiner:
        return EMPTY
    if noun and noun.spanish in STRESSED_A and determiner in ("the", "a") and form == 1:
        form = 0
    return word(determiner, DETERMINERS[determiner][form])


def owned(dice: Dice, noun: Noun) -> NounPhrase:
    """Pedro's cat: el gato de Pedro. The Spanish article has no English word; *de* translates the 's."""
    number = SINGULAR if noun.plural == "-" or dice.chance(0.8) else PLURAL
    holder = thing(dice, ["kin", "human"], definite=True)
    if holder.number == PLURAL or holder.nouns == (noun.english,):
        holder = named(dice)
    described = describe(dice, noun)[:1]
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
    whole = thing(dice, ["owner"], definite=True)
    return replace(np, phrase=np.phrase + say("of") + whole.phrase, simple=False)


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
    first, second = (thing(dice, kinds, definite=True) for _ in range(2))
    if first.nouns == second.nouns:
        return both(dice, kinds)
    gender = "f" if first.gender == second.gender == "f" else "m"
    return NounPhrase(
        first.phrase + say("and") + second.phrase,
        3,
        PLURAL,
        gender,
        first.kinds & second.kinds,
        first.nouns + second.nouns,
        simple=False,
    )
