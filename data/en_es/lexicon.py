"""The words of the bilingual grammar, in tables: one row a word, columns two or more spaces apart.

Nouns, adjectives and verbs carry *kinds*: a verb says which kinds of subject and object it takes and an adjective which
kinds of noun it describes, so that nobody eats a table. A dash stands for "none". In the tables of fixed expressions,
`semana<week` means that *semana* translates *week*; a Spanish word without `<` has no English word of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def table(text: str) -> list[list[str]]:
    """The cells of a table: rows are lines, columns are two or more spaces apart."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines() if line.strip()]


def listed(cell: str) -> frozenset[str]:
    """The words of a cell that lists words; a dash lists none."""
    return frozenset(cell.split()) - {"-"}


@dataclass(frozen=True)
class Noun:
    """A noun in both languages; `plural` is "-" for one without a plural."""

    english: str
    plural: str
    spanish: str
    spanish_plural: str
    gender: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class Adjective:
    """An adjective; `spanish` has the forms (masculine, feminine, plural masculine, plural feminine)."""

    english: str
    comparative: str
    spanish: tuple[str, str, str, str]
    copula: str
    kinds: frozenset[str]
    notes: frozenset[str]


@dataclass(frozen=True)
class Verb:
    """A verb with the kinds it takes; Spanish infinitives in -se are reflexive.

    English forms: base, third person, past, -ing. `adverbs` lists how it can be done. Notes: `present` has no other
    tense here; `still` has no progressive; `bare` takes no personal *a*; `definite` takes no indefinite person or animal.
    """

    base: str
    third: str
    past: str
    ing: str
    spanish: str
    subjects: frozenset[str]
    objects: tuple[str, ...]
    adverbs: frozenset[str]
    notes: frozenset[str]


# english      plural         spanish        plural         gender  kinds
NOUNS = [
    Noun(*row[:5], listed(row[5]))
    for row in table("""
    man            men            hombre         hombres        m  human adult
    woman          women          mujer          mujeres        f  human adult
    boy            boys           niño           niños          m  human
    girl           girls          niña           niñas          f  human
    baby           babies         bebé           bebés          m  baby
    king           kings          rey            reyes          m  human adult
    queen          queens         reina          reinas         f  human adult
    friend         friends        amigo          amigos         m  human kin
    neighbor       neighbors      vecino         vecinos        m  human kin adult
    mother         mothers        madre          madres         f  human kin adult
    father         fathers        padre          padres         m  human kin adult
    son            sons           hijo           hijos          m  human kin
    daughter       daughters      hija           hijas          f  human kin
    brother        brothers       hermano        hermanos       m  human kin
    sister         sisters        hermana        hermanas       f  human kin
    grandmother    grandmothers   abuela         abuelas        f  human kin adult
    grandfather    grandfathers   abuelo         abuelos        m  human kin adult
    uncle          uncles         tío            tíos           m  human kin adult
    aunt           aunts          tía            tías           f  human kin adult
    teacher        teachers       profesor       profesores     m  human adult
    doctor         doctors        médico         médicos        m  human adult
    student        students       estudiante     estudiantes    m  human
    lawyer         lawyers        abogado        abogados       m  human adult
    writer         writers        escritor       escritores     m  human adult
    painter        painters       pintor         pintores       m  human adult
    singer         singers        cantante       cantantes      m  human adult
    baker          bakers         panadero       panaderos      m  human adult
    cat            cats           gato           gatos          m  animal pet prey
    dog            dogs           perro          perros         m  animal pet
    horse          horses         caballo        caballos       m  animal pet
    cow            cows           vaca           vacas          f  animal
    rabbit         rabbits        conejo         conejos        m  animal pet prey
    mouse          mice           ratón          ratones        m  animal prey
    bear           bears          oso            osos           m  animal
    lion           lions          león           leones         m  animal
    monkey         monkeys        mono           monos          m  animal
    turtle         turtles        tortuga        tortugas       f  animal pet prey
    frog           frogs          rana           ranas          f  animal prey
    bird           birds          pájaro         pájaros        m  animal pet flyer prey
    eagle          eagles         águila         águilas        f  animal flyer
    apple          apples         manzana        manzanas       f  food feed goods sweet
    orange         oranges        naranja        naranjas       f  food goods sweet
    banana         bananas        plátano        plátanos       m  food feed goods sweet
    tomato         tomatoes       tomate         tomates        m  food goods
    potato         potatoes       patata         patatas        f  food goods cooked warm
    egg            eggs           huevo          huevos         m  food feed goods cooked warm
    cake           cakes          pastel         pasteles       m  food goods baked sweet
    bread          -              pan            -              m  food feed goods baked mass
    cheese         -              queso          -              m  food feed goods mass
    meat           -              carne          -              f  food feed goods cooked warm mass
    fish           -              pescado        -              m  food feed goods cooked warm mass
    rice           -              arroz          -              m  food goods cooked warm mass
    soup           -              sopa           -              f  food cooked warm mass
    water          -              agua           -              f  drink plain warm mass
    milk           -              leche          -              f  drink plain warm mass goods
    coffee         -              café           -              m  drink warm baked sweet mass goods
    tea            -              té             -              m  drink warm baked sweet mass goods
    wine           -              vino           -              m  drink mass goods
    juice          -              jugo           -              m  drink sweet mass goods
    breakfast      -              desayuno       -              m  meal
    lunch          -              almuerzo       -              m  meal
    dinner         -              cena           -              f  meal
    book           books          libro          libros         m  thing made goods text closing
    letter         letters        carta          cartas         f  thing text sent wrapped lengthy
    newspaper      newspapers     periódico      periódicos     m  thing goods text
    poem           poems          poema          poemas         m  text told lengthy
    story          stories        cuento         cuentos        m  text told lengthy
    song           songs          canción        canciones      f  told song lengthy
    lesson         lessons        lección        lecciones      f  task lengthy
    problem        problems       problema       problemas      m  task
    language       languages      idioma         idiomas        m  task
    picture        pictures       cuadro         cuadros        m  thing made goods art
    photo          photos         foto           fotos          f  thing sent art
    map            maps           mapa           mapas          m  thing goods tool
    key            keys           llave          llaves         f  thing made
    ball           balls          pelota         pelotas        f  thing goods colored thrown
    toy            toys           juguete        juguetes       m  thing made goods colored washed
    gift           gifts          regalo         regalos        m  thing sent wrapped
    flower         flowers        flor           flores         f  thing goods colored
    box            boxes          caja           cajas          f  thing made goods colored closing container heavy
    bag            bags           bolsa          bolsas         f  thing made goods colored closing container heavy
    bottle         bottles        botella        botellas       f  thing made goods colored closing container washed
    cup            cups           taza           tazas          f  thing made goods colored breakable washed container
    glass          glasses        vaso           vasos          m  thing goods breakable washed container
    plate          plates         plato          platos         m  thing goods colored breakable washed
    knife          knives         cuchillo       cuchillos      m  thing goods tool washed
    lamp           lamps          lámpara        lámparas       f  thing made goods breakable repaired
    clock          clocks         reloj          relojes        m  thing made goods breakable repaired
    pencil         pencils        lápiz          lápices        m  thing goods colored tool
    umbrella       umbrellas      paraguas       paraguas       m  thing goods colored tool
    phone          phones         teléfono       teléfonos      m  thing goods tool repaired
    computer       computers      computadora    computadoras   f  thing goods tool repaired heavy
    shirt          shirts         camisa         camisas        f  clothing goods colored washed
    skirt          skirts         falda          faldas         f  clothing goods colored washed lengthy
    dress          dresses        vestido        vestidos       m  clothing goods colored washed lengthy
    coat           coats          abrigo         abrigos        m  clothing goods colored washed lengthy
    hat            hats           sombrero       sombreros      m  clothing goods colored
    shoe           shoes          zapato         zapatos        m  clothing goods colored washed
    table          tables         mesa           mesas          f  furniture goods colored surface
    chair          chairs         silla          sillas         f  furniture goods colored surface seat
    bed            beds           cama           camas          f  furniture goods surface seat
    sofa           sofas          sofá           sofás          m  furniture goods colored surface seat
    mat            mats           alfombra       alfombras      f  furniture goods colored surface seat
    door           doors          puerta         puertas        f  opening colored part
    window         windows        ventana        ventanas       f  opening breakable part
    wall           walls          pared          paredes        f  painted part
    roof           roofs          tejado         tejados        m  painted repaired part
    car            cars           coche          coches         m  vehicle goods colored driven washed repaired
    truck          trucks         camión         camiones       m  vehicle goods colored driven washed repaired
    bus            buses          autobús        autobuses      m  vehicle public driven
    train          trains         tren           trenes         m  vehicle public
    boat           boats          barco          barcos         m  vehicle goods colored public repaired
    bicycle        bicycles       bicicleta      bicicletas     f  vehicle goods colored repaired
    guitar         guitars        guitarra       guitarras      f  instrument goods
    violin         violins        violín         violines       m  instrument goods
    piano          pianos         piano          pianos         m  instrument goods heavy
    house          houses         casa           casas          f  place home built owner owned dim colored
    school         schools        escuela        escuelas       f  place built owner work
    hospital       hospitals      hospital       hospitales     m  place built owner work
    church         churches       iglesia        iglesias       f  place built owner sight
    museum         museums        museo          museos         m  place built owner work sight shop
    library        libraries      biblioteca     bibliotecas    f  place built owner work shop
    restaurant     restaurants    restaurante    restaurantes   m  place built owner work shop
    hotel          hotels         hotel          hoteles        m  place built owner work
    store          stores         tienda         tiendas        f  place built owner work shop
    office         offices        oficina        oficinas       f  place work owned
    market         markets        mercado        mercados       m  place work shop
    kitchen        kitchens       cocina         cocinas        f  room part owned dim
    garden         gardens        jardín         jardines       m  place outside owned part
    park           parks          parque         parques        m  place outside sight
    forest         forests        bosque         bosques        m  place outside sight dim
    city           cities         ciudad         ciudades       f  place home sight town
    village        villages       pueblo         pueblos        m  place home sight town
    country        countries      país           países         m  home town
    island         islands        isla           islas          f  top home sight town
    beach          beaches        playa          playas         f  top outside sight
    street         streets        calle          calles         f  top outside crossed lengthy dim
    bridge         bridges        puente         puentes        m  crossed sight lengthy
    mountain       mountains      montaña        montañas       f  sight nature
    river          rivers         río            ríos           m  waters crossed sight nature lengthy
    sea            -              mar            -              m  waters unique nature
    tree           trees          árbol          árboles        m  nature tree
    sun            -              sol            -              m  unique sky
    moon           -              luna           -              f  unique sky
    star           stars          estrella       estrellas      f  sky
    party          parties        fiesta         fiestas        f  event
    concert        concerts       concierto      conciertos     m  event lengthy
    class          classes        clase          clases         f  event lengthy
    """)
]

# Nouns whose article is el/un although they are feminine: they begin with a stressed a.
STRESSED_A = {"agua", "águila"}

# english      comparative  forms                                                copula  kinds   notes
# Notes: before = stands before the Spanish noun; size, color = can go together; predicate = only after a copula.
ADJECTIVES = [
    Adjective(row[0], row[1], tuple(row[2].split()), row[3], listed(row[4]), listed(row[5]))  # type: ignore[arg-type]
    for row in table("""
    big          bigger       grande grande grandes grandes                       ser    animal thing furniture vehicle built bridge tree outside town  size
    small        smaller      pequeño pequeña pequeños pequeñas                   ser    animal baby thing furniture vehicle built bridge tree outside town room  size
    new          newer        nuevo nueva nuevos nuevas                           ser    made tool clothing furniture vehicle instrument built work bridge song  size
    old          older        viejo vieja viejos viejas                           ser    adult animal furniture vehicle instrument built bridge tree  -
    red          -            rojo roja rojos rojas                               ser    colored  color
    black        -            negro negra negros negras                           ser    colored pet  color
    white        -            blanco blanca blancos blancas                       ser    colored pet  color
    yellow       -            amarillo amarilla amarillos amarillas               ser    colored  color
    blue         -            azul azul azules azules                             ser    colored  color
    green        -            verde verde verdes verdes                           ser    colored tree  color
    expensive    -            caro cara caros caras                               ser    goods shop  -
    cheap        cheaper      barato barata baratos baratas                       ser    goods shop  -
    beautiful    -            hermoso hermosa hermosos hermosas                   ser    human clothing sight song art nature event  -
    ugly         uglier       feo fea feos feas                                   ser    clothing furniture vehicle art  -
    heavy        heavier      pesado pesada pesados pesadas                       ser    heavy furniture  -
    sweet        sweeter      dulce dulce dulces dulces                           ser    sweet  -
    strong       stronger     fuerte fuerte fuertes fuertes                       ser    human animal  -
    tall         taller       alto alta altos altas                               ser    human tree  -
    short        shorter      bajo baja bajos bajas                               ser    human  -
    young        younger      joven joven jóvenes jóvenes                         ser    human  -
    intelligent  -            inteligente inteligente inteligentes inteligentes   ser    human pet  -
    kind         kinder       amable amable amables amables                       ser    human  -
    famous       -            famoso famosa famosos famosas                       ser    human  -
    rich         richer       rico rica ricos ricas                               ser    adult  -
    poor         poorer       pobre pobre pobres pobres                           ser    adult  -
    good         -            buen buena buenos buenas                            ser    kin food drink text song  before
    long         longer       largo larga largos largas                           ser    lengthy  -
    interesting  -            interesante interesante interesantes interesantes   ser    text lesson town museum art  -
    difficult    -            difícil difícil difíciles difíciles                 ser    task  -
    easy         easier       fácil fácil fáciles fáciles                         ser    task  -
    important    -            importante importante importantes importantes       ser    letter task event  -
    dark         darker       oscuro oscura oscuros oscuras                       ser    dim  -
    quiet        quieter      tranquilo tranquila tranquilos tranquilas           ser    town outside  -
    happy        -            contento contenta contentos contentas               estar  human animal baby  -
    sad          -            triste triste tristes tristes                       estar  human animal baby  -
    tired        -            cansado cansada cansados cansadas                   estar  human animal baby  -
    sick         -            enfermo enferma enfermos enfermas                   estar  human animal baby  -
    angry        -            enojado enojada enojados enojadas                   estar  human animal  -
    clean        -            limpio limpia limpios limpias                       estar  washed furniture room opening  -
    dirty        -            sucio sucia sucios sucias                           estar  washed furniture room opening  -
    cold         -            frío fría fríos frías                               estar  warm  -
    hot          -            caliente caliente calientes calientes               estar  warm  -
    empty        -            vacío vacía vacíos vacías                           estar  container outside public  -
    broken       -            roto rota rotos rotas                               estar  breakable  predicate
    open         -            abierto abierta abiertos abiertas                   estar  opening shop  predicate
    closed       -            cerrado cerrada cerrados cerradas                   estar  opening shop  predicate
    """)
]


def verbs(text: str) -> list[Verb]:
    """The verbs of a table with the columns: four English forms, Spanish, subjects, objects, adverbs, notes."""
    return [
        Verb(*row[:5], listed(row[5]), tuple(row[6].split("; ")), listed(row[7]), listed(row[8]))
        for row in table(text)
    ]


# base       third         past          -ing            spanish      subjects      objects
#            adverbs   notes
TRANSITIVE = verbs("""
    see          sees           saw            seeing           ver        human animal  human animal thing clothing vehicle built sky tree sight  -  still
    hear         hears          heard          hearing          oír        human animal  human animal song public  -  still
    look at      looks at       looked at      looking at       mirar      human         human animal thing clothing sky sight art  -  -
    look at      looks at       looked at      looking at       mirar      animal        human animal thrown sky food  -  -
    look for     looks for      looked for     looking for      buscar     human         human animal thing clothing place  -  definite
    look for     looks for      looked for     looking for      buscar     animal        animal thrown human  -  definite
    find         finds          found          finding          encontrar  human         human pet thing clothing  -  still definite
    find         finds          found          finding          encontrar  animal        prey thrown human  -  still definite
    lose         loses          lost           losing           perder     human         thing clothing  -  still
    wait for     waits for      waited for     waiting for      esperar    human         human public  -  definite
    listen to    listens to     listened to    listening to     escuchar   human         human song  -  -
    help         helps          helped         helping          ayudar     human         human  -  -
    call         calls          called         calling          llamar     human         human pet  -  -
    invite       invites        invited        inviting         invitar    human         human  -  definite
    visit        visits         visited        visiting         visitar    human         human sight built town  -  -
    know         knows          knew           knowing          conocer    human         human sight town  -  present still
    love         loves          loved          loving           amar       human         kin pet  -  present still definite
    follow       follows        followed       following        seguir     human animal  human animal  slowly  -
    catch        catches        caught         catching         atrapar    animal        prey thrown  -  still
    remember     remembers      remembered     remembering      recordar   human         human told home event  -  still definite
    forget       forgets        forgot         forgetting       olvidar    human         thing lesson song  -  still
    wash         washes         washed         washing          lavar      human         washed pet  well  -
    clean        cleans         cleaned        cleaning         limpiar    human         furniture room opening built  well quickly  -
    carry        carries        carried        carrying         llevar     human         thing furniture  slowly  -
    break        breaks         broke          breaking         romper     human animal  breakable  -  still
    paint        paints         painted        painting         pintar     human         furniture painted opening house picture  slowly well  -
    repair       repairs        repaired       repairing        reparar    human         repaired  quickly well  -
    push         pushes         pushed         pushing          empujar    human         furniture heavy driven  slowly  -
    sing         sings          sang           singing          cantar     human         song  well  -
    write        writes         wrote          writing          escribir   human         letter book told  slowly quickly well  -
    study        studies        studied        studying         estudiar   human         lesson language problem map  -  -
    learn        learns         learned        learning         aprender   human         lesson language poem song  quickly slowly  -
    understand   understands    understood     understanding    entender   human         task text  well  present still
    cook         cooks          cooked         cooking          cocinar    human         cooked meal  well slowly  -
    prepare      prepares       prepared       preparing        preparar   human         meal baked lesson  slowly quickly  -
    eat          eats           ate            eating           comer      human         food  slowly quickly  -
    eat          eats           ate            eating           comer      animal        feed  slowly quickly  -
    drink        drinks         drank          drinking         beber      human         drink  slowly quickly  -
    drink        drinks         drank          drinking         beber      animal        plain  slowly quickly  -
    buy          buys           bought         buying           comprar    human         goods pet  -  bare
    sell         sells          sold           selling          vender     human         goods pet  -  bare
    have         has            had            having           tener      human         thing clothing vehicle instrument pet  -  present still bare
    need         needs          needed         needing          necesitar  human         thing clothing vehicle furniture  -  still bare
    want         wants          wanted         wanting          querer     human         thing clothing vehicle food drink  -  present still bare
    use          uses           used           using            usar       human         tool bicycle  -  -
    open         opens          opened         opening          abrir      human         opening closing wrapped  slowly quickly  -
    close        closes         closed         closing          cerrar     human         opening closing  slowly quickly  -
    build        builds         built          building         construir  human         built bridge table chair bed boat  slowly  -
    choose       chooses        chose          choosing         elegir     human         goods thing song  -  -
    receive      receives       received       receiving        recibir    human         sent  -  still
    cross        crosses        crossed        crossing         cruzar     human animal  crossed  slowly quickly  -
    drive        drives         drove          driving          conducir   human         driven  slowly quickly well  -
    play         plays          played         playing          tocar      human         instrument  well a_lot  -
    """)

# The objects of these verbs are places and companions: `to/a place` is English to, Spanish a, a noun of kind place.
# `-/en place` has no English preposition, so that *en* translates the verb.
INTRANSITIVE = verbs("""
    sleep        sleeps         slept          sleeping         dormir       human animal  on/en seat; in/en house; in/en room; near/cerca_de tree  well a_lot  -
    sleep        sleeps         slept          sleeping         dormir       baby          on/en seat; in/en room  well a_lot  -
    run          runs           ran            running          correr       human animal  in/en outside; to/a place; to/a waters; with/con pet  quickly a_lot  -
    walk         walks          walked         walking          caminar      human pet  in/en outside; to/a place; to/a waters; with/con human  slowly quickly a_lot  -
    swim         swims          swam           swimming         nadar        human         in/en waters; with/con human  well slowly quickly  -
    work         works          worked         working          trabajar     human         in/en work; with/con human  well a_lot  -
    live         lives          lived          living           vivir        human         in/en home; with/con kin; near/cerca_de waters; near/cerca_de place  -  -
    cry          cries          cried          crying           llorar       human baby    in/en room; in/en place  a_lot  -
    dance        dances         danced         dancing          bailar       human         with/con human; in/en outside  well slowly a_lot  -
    sing         sings          sang           singing          cantar       human         in/en place; with/con human  well a_lot  -
    study        studies        studied        studying         estudiar     human         in/en work; with/con human; in/en room  a_lot  -
    cook         cooks          cooked         cooking          cocinar      human         for/para human; in/en room  well a_lot  -
    travel       travels        traveled       traveling        viajar       human         to/a town; with/con human  a_lot  -
    arrive       arrives        arrived        arriving         llegar       human         at/a built; at/a work  early late  -
    go           goes           went           going            ir           human animal  to/a place; to/a waters; to/a top  -  still
    go           goes           went           going            ir           human         to/a event  -  still
    come         comes          came           coming           venir        human         from/de town; from/de work; with/con human  early late  -
    return       returns        returned       returning        volver       human         to/a place; to/a room; from/de work  early late  -
    play         plays          played         playing          jugar        human         with/con ball; in/en outside; with/con human; with/con pet  a_lot  -
    play         plays          played         playing          jugar        pet           with/con ball; in/en outside  a_lot  -
    rest         rests          rested         resting          descansar    human animal  on/en seat; in/en outside; under/debajo_de tree  a_lot  -
    fly          flies          flew           flying           volar        flyer         to/a nature; near/cerca_de tree  slowly quickly  -
    sit          sits           sat            sitting          sentarse     human animal  on/en seat; near/cerca_de opening; under/debajo_de tree  -  still
    wake up      wakes up       woke up        waking up        despertarse  human baby    -  early late  -
    get up       gets up        got up         getting up       levantarse   human         -  early late slowly  -
    talk         talks          talked         talking          hablar       human         with/con human; about/sobre task  a_lot slowly quickly  -
    think        thinks         thought        thinking         pensar       human         of/en human; of/en task  -  -
    dream        dreams         dreamed        dreaming         soñar        human         of/con sight; of/con animal; of/con kin  -  -
    enter        enters         entered        entering         entrar       human animal  -/en built; -/en room; -/en outside  slowly quickly  still
    leave        leaves         left           leaving          salir        human animal  -/de built; -/de room  quickly early late  still
    """)

# What is given, shown, … to a person; Spanish doubles the person with le or les.
GIVING = verbs("""
    give         gives          gave           giving           dar          human  thing goods  -  -
    send         sends          sent           sending          enviar       human  sent text  -  -
    show         shows          showed         showing          mostrar      human  thing clothing art lesson  -  -
    bring        brings         brought        bringing         traer        human  thing food  -  -
    offer        offers         offered        offering         ofrecer      human  goods food drink  -  -
    explain      explains       explained      explaining       explicar     human  lesson problem poem story  -  -
    """)

# Verbs that take an infinitive; the word after + links it. `like` turns its sentence around and is not in this table.
LINKING = verbs("""
    want + to    wants + to     wanted + to    -                querer        human animal  -  -  present
    have + to    has + to       had + to       -                tener + que   human         -  -  present
    need + to    needs + to     needed + to    -                necesitar     human         -  -  present
    try + to     tries + to     tried + to     -                intentar      human animal  -  -  -
    begin + to   begins + to    began + to     -                empezar + a   human animal  -  -  -
    can          can            -              -                poder         human         -  -  present
    must         must           -              -                deber         human         -  -  present
    """)

# What people say, think and know: the verbs of a sentence within a sentence.
SAYING = verbs("""
    say          says           said           saying           decir         human         -  -  -
    think        thinks         thought        thinking         creer         human         -  -  -
    know         knows          knew           knowing          saber         human         -  -  -
    """)

# Names: english  spanish  gender
NAMES = [
    tuple(row)
    for row in table("""
    maria     maría     f
    ana       ana       f
    lucia     lucía     f
    isabel    isabel    f
    olga      olga      f
    pedro     pedro     m
    juan      juan      m
    carlos    carlos    m
    oscar     óscar     m
    ignacio   ignacio   m
    """)
]

# Occupations after a copula: english, plural, masculine, feminine, masculine plural, feminine plural
OCCUPATIONS = [
    tuple(row)
    for row in table("""
    teacher    teachers    profesor     profesora     profesores     profesoras
    doctor     doctors     médico       médica        médicos        médicas
    student    students    estudiante   estudiante    estudiantes    estudiantes
    lawyer     lawyers     abogado      abogada       abogados       abogadas
    writer     writers     escritor     escritora     escritores     escritoras
    painter    painters    pintor       pintora       pintores       pintoras
    singer     singers     cantante     cantante      cantantes      cantantes
    baker      bakers      panadero     panadera      panaderos      panaderas
    engineer   engineers   ingeniero    ingeniera     ingenieros     ingenieras
    """)
]

# What Spanish has and English is: english  spanish  "very" in Spanish
FEELINGS = [
    tuple(row)
    for row in table("""
    hungry     hambre    mucha
    thirsty    sed       mucha
    sleepy     sueño     mucho
    afraid     miedo     mucho
    """)
]

# Determiners by number; four Spanish forms: masculine, feminine, plural masculine, plural feminine.
DETERMINERS = {
    row[0]: tuple(row[1].split())
    for row in table("""
    the        el la los las
    a          un una - -
    this       este esta - -
    these      - - estos estas
    another    otro otra - -
    every      cada cada - -
    many       - - muchos muchas
    some       - - algunos algunas
    two        - - dos dos
    three      - - tres tres
    four       - - cuatro cuatro
    five       - - cinco cinco
    seven      - - siete siete
    eight      - - ocho ocho
    my         mi mi mis mis
    our        nuestro nuestra nuestros nuestras
    his        su su sus sus
    her        su su sus sus
    their      su su sus sus
    """)
}

# Fixed expressions: english  spanish
EXPRESSIONS = {
    row[0]: row[1]
    for row in table("""
    in               en<in
    on               en<on
    at               a<at
    to               a<to
    from             de<from
    of               de<of
    with             con<with
    for              para<for
    about            sobre<about
    near             cerca<near de<near
    under            debajo<under de<under
    behind           detrás<behind de<behind
    in front of      delante<front de<of
    before           antes<before de<before
    after            después<after de<after
    very             muy<very
    slowly           lentamente<slowly
    quickly          rápidamente<quickly
    well             bien<well
    early            temprano<early
    late             tarde<late
    a lot            mucho<lot
    always           siempre<always
    never            nunca<never
    often            a<often menudo<often
    sometimes        a<sometimes veces<sometimes
    also             también<also
    every day        cada<every día<day
    every week       cada<every semana<week
    in the morning   por<in la<the mañana<morning
    in the afternoon  por<in la<the tarde<afternoon
    at night         por<at la noche<night
    in summer        en<in verano<summer
    in winter        en<in invierno<winter
    today            hoy<today
    now              ahora<now
    yesterday        ayer<yesterday
    last week        la semana<week pasada<last
    last month       el mes<month pasado<last
    last year        el año<year pasado<last
    on monday        el<on lunes<monday
    on tuesday       el<on martes<tuesday
    on wednesday     el<on miércoles<wednesday
    on thursday      el<on jueves<thursday
    on friday        el<on viernes<friday
    on saturday      el<on sábado<saturday
    on sunday        el<on domingo<sunday
    tomorrow         mañana<tomorrow
    soon             pronto<soon
    next week        la próxima<next semana<week
    next month       el próximo<next mes<month
    next year        el próximo<next año<year
    and              y<and
    or               o<or
    but              pero<but
    because          porque<because
    when             cuando<when
    that             que<that
    who              que<who
    """)
}

# When things happen, by tense; empty where the tense needs no word.
TIMES = {
    "present": ["every day", "every week", "in the morning", "in the afternoon", "at night", "in summer", "in winter"],
    "progressive": ["now"],
    "past": ["yesterday", "last week", "last month", "last year"],
    "future": ["tomorrow", "soon", "next week", "next month", "next year"],
}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
HABITS = ["always", "never", "often", "sometimes", "also"]
