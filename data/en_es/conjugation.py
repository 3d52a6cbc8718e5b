"""Spanish verb forms: the regular endings, the spelling rule for -car, -gar and -zar, and a table of exceptions."""

from __future__ import annotations

import unicodedata

from lexicon import table

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

# infinitive  present  preterite  stem of the future  gerund; a dash where the verb is regular
EXCEPTIONS = {
    row[0]: row[1:]
    for row in table("""
    cerrar      cierro cierra cerramos cierran              -                                              -       -
    conducir    conduzco conduce conducimos conducen        conduje condujo condujimos condujeron          -       -
    conocer     conozco conoce conocemos conocen            -                                              -       -
    construir   construyo construye construimos construyen  construí construyó construimos construyeron    -       construyendo
    creer       -                                           creí creyó creímos creyeron                    -       creyendo
    dar         doy da damos dan                            di dio dimos dieron                            -       -
    decir       digo dice decimos dicen                     dije dijo dijimos dijeron                      dir     diciendo
    despertar   despierto despierta despertamos despiertan  -                                              -       -
    dormir      duermo duerme dormimos duermen              dormí durmió dormimos durmieron                -       durmiendo
    elegir      elijo elige elegimos eligen                 elegí eligió elegimos eligieron                -       eligiendo
    empezar     empiezo empieza empezamos empiezan          -                                              -       -
    encontrar   encuentro encuentra encontramos encuentran  -                                              -       -
    entender    entiendo entiende entendemos entienden      -                                              -       -
    enviar      envío envía enviamos envían                 -                                              -       -
    estar       estoy está estamos están                    estuve estuvo estuvimos estuvieron             -       -
    ir          voy va vamos van                            fui fue fuimos fueron                          -       yendo
    jugar       juego juega jugamos juegan                  -                                              -       -
    mostrar     muestro muestra mostramos muestran          -                                              -       -
    ofrecer     ofrezco ofrece ofrecemos ofrecen            -                                              -       -
    oír         oigo oye oímos oyen                         oí oyó oímos oyeron                            oir     oyendo
    pensar      pienso piensa pensamos piensan              -                                              -       -
    perder      pierdo pierde perdemos pierden              -                                              -       -
    poder       puedo puede podemos pueden                  pude pudo pudimos pudieron                     podr    pudiendo
    querer      quiero quiere queremos quieren              quise quiso quisimos quisieron                 querr   -
    recordar    recuerdo recuerda recordamos recuerdan      -                                              -       -
    saber       sé sabe sabemos saben                       supe supo supimos supieron                     sabr    -
    salir       salgo sale salimos salen                    -                                              saldr   -
    seguir      sigo sigue seguimos siguen                  seguí siguió seguimos siguieron                -       siguiendo
    sentar      siento sienta sentamos sientan              -                                              -       -
    ser         soy es somos son                            fui fue fuimos fueron                          -       -
    soñar       sueño sueña soñamos sueñan                  -                                              -       -
    tener       tengo tiene tenemos tienen                  tuve tuvo tuvimos tuvieron                     tendr   -
    traer       traigo trae traemos traen                   traje trajo trajimos trajeron                  -       trayendo
    venir       vengo viene venimos vienen                  vine vino vinimos vinieron                     vendr   viniendo
    ver         veo ve vemos ven                            vi vio vimos vieron                            -       -
    volar       vuelo vuela volamos vuelan                  -                                              -       -
    volver      vuelvo vuelve volvemos vuelven              -                                              -       -
    """)
}
IMPERFECT_OF_SER = "era era éramos eran"


def conjugate(infinitive: str, tense: str, person: int, number: str) -> str:
    """The form of a verb without -se: tense "present", "preterite", "imperfect" or "future", person 1 or 3."""
    return forms(infinitive, tense)[PERSONS[person, number]]


def forms(infinitive: str, tense: str) -> list[str]:
    """First and third person singular, then first and third person plural."""
    stem, ending = infinitive[:-2], plain(infinitive[-2:])
    present, preterite, future, _ = EXCEPTIONS.get(infinitive, ["-"] * 4)
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
    irregular = EXCEPTIONS.get(infinitive, ["-"] * 4)[3]
    return irregular if irregular != "-" else infinitive[:-2] + ("ando" if infinitive.endswith("ar") else "iendo")


def plain(word: str) -> str:
    """The word without acute accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).replace("\u0301", ""))


def _soften(stem: str) -> str:
    """The stem as it is spelled before e: tocar, toqué; llegar, llegué; cruzar, crucé."""
    if stem.endswith("z"):
        return stem[:-1] + "c"
    return stem[:-1] + {"c": "qu", "g": "gu"}.get(stem[-1], stem[-1])
