"""The words of a question: written out as people mean them, and those that say what it is about. Pure.

On a phone people write "qnto custa", "vcs abrem hj?", "cmb ça coûte". And "how much is", "onde fica", "à
quelle heure" stand in every question and in every list of questions: as evidence for a passage they would
outweigh the one word that matters.
"""

import re
import unicodedata
from functools import cache

# Spellings of chats, by language: none of them is a word of that language.
_SHORT = {
    "pt": """
vc=você vcs=vocês vces=vocês ces=vocês cs=vocês qnto=quanto qto=quanto qnt=quanto qt=quanto qnta=quanta
qta=quanta qntos=quantos qtos=quantos qnts=quantos qts=quantos qntas=quantas qtas=quantas qdo=quando
qnd=quando qndo=quando q=que k=que oq=o_que oqe=o_que oqq=o_que ql=qual qlqr=qualquer qlquer=qualquer
pq=porque pqe=porque hj=hoje amnh=amanhã amanha=amanhã agr=agora dps=depois tb=também tbm=também tmb=também
n=não nao=não eh=é msm=mesmo cmg=comigo ctg=contigo mt=muito mto=muito mta=muita mtos=muitos mtas=muitas
td=tudo tds=todos pfv=por_favor pfvr=por_favor obg=obrigado obgd=obrigado vlw=obrigado blz=beleza
fds=fim_de_semana pra=para pro=para_o pras=para_as pros=para_os ta=está tá=está to=estou tô=estou tao=estão
fzr=fazer fz=faz qro=quero kero=quero aki=aqui ai=aí bjs=beijos zap=whatsapp wpp=whatsapp zapzap=whatsapp
whats=whatsapp hrs=horas hr=hora vdd=verdade ngm=ninguém nd=nada gnt=gente tlgd=entendi cel=celular
tel=telefone doc=documento docs=documentos cartao=cartão
""",
    "en": """
u=you ur=your urs=yours r=are pls=please plz=please plss=please thx=thanks ty=thanks tmr=tomorrow
tmrw=tomorrow tmro=tomorrow tomoz=tomorrow tdy=today 2day=today 2moro=tomorrow 2nite=tonight b4=before
wat=what wht=what wut=what wen=when whn=when hw=how mch=much muc=much cn=can cud=could abt=about
appt=appointment appts=appointments hrs=hours hr=hour mins=minutes wknd=weekend wkend=weekend wknds=weekends
msg=message addr=address wid=with bc=because cuz=because cos=because coz=because gonna=going_to
wanna=want_to gotta=have_to dunno=do_not_know gimme=give_me ppl=people im=i_am ive=i_have dont=do_not
cant=cannot doesnt=does_not isnt=is_not whats=what_is wheres=where_is whens=when_is hows=how_is thru=through
tho=though
""",
    "es": """
q=que k=que ke=que xq=porque pq=porque xk=porque xfa=por_favor porfa=por_favor xfavor=por_favor pf=por_favor
tb=también tmb=también tmbn=también tbn=también dnd=dónde dnde=dónde cdo=cuándo cndo=cuándo cto=cuánto
cnto=cuánto bn=bien tngo=tengo tnes=tienes hcen=hacen kiero=quiero qiero=quiero kieren=quieren aki=aquí
aqi=aquí ud=usted uds=ustedes vds=ustedes mñn=mañana mñna=mañana mnn=mañana finde=fin_de_semana grax=gracias
grcs=gracias msj=mensaje nvo=nuevo hrs=horas hr=hora tel=teléfono cel=celular toy=estoy ta=está pa=para
pal=para_el nd=nada hoi=hoy dsd=desde dspues=después dsp=después
""",
    "fr": """
slt=salut bjr=bonjour bsr=bonsoir stp=s'il_te_plaît svp=s'il_vous_plaît vs=vous ns=nous pk=pourquoi
pq=pourquoi pkoi=pourquoi pcq=parce_que pck=parce_que cb=combien cmb=combien cbien=combien qd=quand
kan=quand kand=quand ds=dans pr=pour ac=avec avc=avec bcp=beaucoup tjs=toujours tjrs=toujours jms=jamais
rdv=rendez-vous dispo=disponible auj=aujourd'hui ajd=aujourd'hui aujd=aujourd'hui dem=demain kel=quel
kels=quels kelle=quelle koi=quoi ke=que ki=qui jai=j'ai cest=c'est ya=il_y_a ya-t-il=y_a-t-il tt=tout
tts=tous mtn=maintenant mnt=maintenant qqn=quelqu'un qqch=quelque_chose qq=quelques w-e=week-end wk=week-end
tel=téléphone num=numéro chui=je_suis chuis=je_suis jsuis=je_suis jpeux=je_peux jveux=je_veux
jvoudrais=je_voudrais mrc=merci
""",
}
_ASKING = """
quanto quanta quantos quantas custa custam custo qual quais quando onde como porque quem que preco valor vale
gostaria queria quero saber preciso posso pode podem poderia consigo tem teria existe fica ficam voces voce
favor ola bom dia boa tarde noite sobre fazem faz fazer atende atendem
how much many what which when where why who does do can could would like know need want have has there your
you please tell about cost costs price hello
cuanto cuanta cuantos cuesta cuestan cual cuales cuando donde como quien que precio vale quisiera quiero saber
necesito puedo puede pueden podria tiene tienen hay esta estan ustedes usted favor hola sobre hacen hace
combien coute coutent quel quelle quels quelles quand comment pourquoi qui que prix voudrais veux savoir
besoin puis peut peux pouvez avez est sont vous votre plait bonjour faites
"""
ASKING = frozenset(_ASKING.split())
_WORD = re.compile(r"\w+")
_SPELLED = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_DRAWN_OUT = re.compile(r"([a-vx-zà-ÿ])\1{2,}")  # not "www", not "III"
_LAUGHTER = re.compile(r"\s*\b(?:k{3,}|(?:rs){2,}|(?:ha|he|ja|je){2,}h?)\b", re.IGNORECASE)


def written_out(question: str, *, language: str | None) -> str:
    """The question as its writer means it: "qnto custaaa" is "quanto custa".

    Without a language only spellings that one language alone has are taken for such.
    """
    shorts = _shorts((language or "")[:2].lower())
    calm = _DRAWN_OUT.sub(r"\1", _LAUGHTER.sub("", question)).strip() or question
    return _SPELLED.sub(lambda found: shorts.get(fold(found[0]), found[0]), calm)


@cache
def _shorts(language: str) -> dict[str, str]:
    if language in _SHORT:
        return _table(language)
    tables = {short: _table(short) for short in _SHORT}
    words = [word for table in tables.values() for word in table]
    alone = {word for word in words if words.count(word) == 1 and len(word) > 2}
    return {word: full for table in tables.values() for word, full in table.items() if word in alone}


def _table(language: str) -> dict[str, str]:
    pairs = (pair.split("=") for pair in _SHORT[language].split())
    return {fold(short): full.replace("_", " ") for short, full in pairs}


def telling(question: str) -> str:
    """The question without its asking words; the whole question when nothing else is in it."""
    kept = [word for word in _WORD.findall(question) if fold(word) not in ASKING]
    return " ".join(kept) if any(len(word) > 2 for word in kept) else question


def fold(word: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in plain if not unicodedata.combining(c))
