"""What an answer says that was done, by kind of deed, in four languages, and whether a receipt stands for it.

An assistant that says "booked" without having booked costs a customer a day off. So each sentence is looked
at: what it says in the first person ("I booked"), what it says was done ("your visit is confirmed", "Booked
for nine"), and what it says it is doing at this moment. Conditions, denials, plain questions and rules of the
house ("visits are booked by phone") claim nothing. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from agents.safety import fold

BOOKED, CHANGED, CANCELLED, SENT = "booked", "changed", "cancelled", "sent"
SCHEDULED, REGISTERED, PAID, CALLED = "scheduled", "registered", "paid", "called_person"
ANY = frozenset({BOOKED, CHANGED, CANCELLED, SENT, SCHEDULED, REGISTERED, PAID, CALLED})


@dataclass(frozen=True, slots=True)
class Receipt:
    """Something that was done: what it stands for, the words that stand with it, and whether in this turn."""

    claims: frozenset[str]
    words: str
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Deed:
    """Words that say that something was done. Stems, without accents; `spanish` with theirs, in the first person.

    `agendé` said of oneself and `agende` asked of somebody differ by an accent only.
    """

    allowed: frozenset[str]  # a receipt of any of these stands for it
    pt: str = ""  # first person, past
    en: str = ""  # participles
    es: str = ""  # first person, past, with accents
    fr: str = ""  # participles
    done: str = ""  # stems of participles in pt and es, which take an ending of their own
    doing_pt: str = ""  # gerunds
    doing_en: str = ""
    doing_fr: str = ""  # first person, present: "je vous ..."
    infinitives: str = ""  # pt, es, fr: "acabei de ..."


def _deed(allowed: Sequence[str], **words: str) -> Deed:
    return Deed(frozenset(allowed), **{name: "|".join(said.split()) for name, said in words.items()})


DEEDS = (
    _deed(
        (BOOKED, SCHEDULED),
        pt="agendei marquei reservei encaixei inscrevi programei",
        en="booked scheduled reserved enrolled pencilled arranged",
        es="agendé reservé apunté inscribí programé aparté",
        fr="reserve planifie programme inscrit note bloque",
        done="agendad marcad reservad encaixad inscrit programad apartad",
        doing_pt="agendando marcando reservando",
        doing_en="booking scheduling reserving enrolling arranging",
        doing_fr="reserve inscris programme bloque",
        infinitives="agendar marcar reservar programar inscrever reserver inscrire programmer planifier",
    ),
    _deed(
        (BOOKED, CHANGED, PAID, REGISTERED, SCHEDULED, CANCELLED, SENT),
        pt="confirmei garanti concluí finalizei processei",
        en="confirmed completed finalised finalized processed secured approved",
        es="confirmé completé finalicé procesé garanticé aprobé",
        fr="confirme finalise traite valide",
        done="confirmad garantid concluid finalizad processad procesad completad aprovad aprobad efetuad realizad",
        doing_pt="confirmando finalizando processando",
        doing_en="confirming processing finalising finalizing",
        doing_fr="confirme valide finalise",
        infinitives="confirmar finalizar processar procesar confirmer valider finaliser",
    ),
    _deed(
        (CHANGED, BOOKED, REGISTERED),
        pt="remarquei reagendei alterei atualizei mudei troquei transferi adiei antecipei corrigi apliquei"
        " liberei bloqueei ativei desbloqueei ajustei",
        en="rescheduled changed updated moved modified switched swapped corrected applied unlocked blocked"
        " activated postponed adjusted reset",
        es="reprogramé cambié actualicé modifiqué moví corregí apliqué adelanté pospuse bloqueé activé ajusté",
        fr="modifie change deplace reporte mis mise corrige applique reprogramme decale active",
        done="remarcad reagendad alterad atualizad mudad trocad adiad antecipad corrigid aplicad liberad"
        " bloquead ativad reprogramad cambiad actualizad modificad corregid activad ajustad transferid",
        doing_pt="remarcando alterando atualizando mudando trocando aplicando",
        doing_en="rescheduling changing updating moving modifying applying",
        doing_fr="modifie deplace change reporte",
        infinitives="remarcar alterar atualizar mudar trocar cambiar actualizar modificar modifier deplacer reporter",
    ),
    _deed(
        (CANCELLED, CHANGED),
        pt="cancelei desmarquei apaguei excluí removi encerrei",
        en="cancelled canceled deleted removed erased",
        es="cancelé anulé borré eliminé",
        fr="annule supprime efface resilie cloture",
        done="cancelad desmarcad apagad excluid removid encerrad anulad borrad eliminad",
        doing_pt="cancelando desmarcando apagando",
        doing_en="cancelling canceling deleting removing",
        doing_fr="annule supprime",
        infinitives="cancelar desmarcar apagar excluir anular borrar eliminar annuler supprimer",
    ),
    _deed(
        (SENT, CALLED),
        pt="enviei mandei encaminhei despachei disparei reenviei",
        en="sent emailed e-mailed mailed shipped forwarded dispatched texted resent issued",
        es="envié mandé reenvié remití despaché",
        fr="envoye transmis expedie adresse renvoye",
        done="enviad mandad encaminhad despachad remitid reenviad emitid",
        doing_pt="enviando mandando encaminhando reenviando",
        doing_en="sending emailing forwarding shipping dispatching",
        doing_fr="envoie transmets expedie",
        infinitives="enviar mandar encaminhar reenviar envoyer transmettre",
    ),
    _deed(
        (REGISTERED, BOOKED, CHANGED),
        pt="cadastrei registrei anotei salvei gravei incluí adicionei guardei abri criei lancei",
        en="registered saved recorded noted added logged filed stored",
        es="registré anoté guardé agregué añadí incluí abrí creé",
        fr="enregistre ajoute sauvegarde cree consigne ouvert",
        done="cadastrad registrad anotad salv gravad adicionad guardad agregad",
        doing_pt="cadastrando registrando anotando salvando",
        doing_en="registering saving recording adding",
        doing_fr="enregistre ajoute",
        infinitives="cadastrar registrar anotar salvar guardar enregistrer ajouter",
    ),
    _deed(
        (PAID,),
        pt="paguei reembolsei estornei cobrei devolvi depositei creditei debitei",
        en="paid refunded charged reimbursed credited deposited debited",
        es="pagué reembolsé cobré devolví deposité acredité",
        fr="paye rembourse debite credite facture verse",
        done="reembolsad estornad cobrad devolvid depositad creditad debitad acreditad",
        doing_pt="reembolsando estornando cobrando pagando",
        doing_en="refunding charging reimbursing crediting",
        doing_fr="rembourse",
        infinitives="reembolsar estornar devolver rembourser",
    ),
    _deed(
        (CALLED, SENT),
        pt="avisei notifiquei chamei informei acionei comuniquei alertei passei solicitei pedi falei conversei repassei",
        en="notified informed alerted told called contacted transferred asked escalated flagged messaged",
        es="avisé notifiqué llamé informé comuniqué alerté transferí pasé pedí solicité hablé",
        fr="prevenu averti informe appele contacte alerte transfere signale demande parle",
        done="avisad notificad acionad comunicad alertad",
        doing_pt="avisando notificando chamando acionando transferindo passando transfiriendo llamando pasando",
        doing_en="notifying transferring connecting escalating calling alerting",
        doing_fr="transfere previens contacte appelle passe",
        infinitives="avisar notificar chamar acionar transferir passar llamar pasar prevenir transferer avertir",
    ),
)  # fmt: skip

_THING = (
    "consulta|horario|reserva|agendamento|pedido|reembolso|estorno|pagamento|cadastro|desconto|exame|visita|retorno"
    "|cancelamento|inscricao|vaga|encomenda|solicitacao|remarcacao|mudanca|alteracao|sessao|aula|boleto|fatura"
    "|documento|comprovante|e-?mail|lembrete|plano|assinatura|conta|mensagem|chamado|atendimento|mesa|encontro|dados"
    "|endereco|nome|telefone|compra|turno|cita|pago|cuenta|factura|cambio|cancelacion|solicitud|suscripcion|mesa"
    "|recordatorio|mensaje|correo|descuento|inscripcion|clase|datos|direccion|plaza|sesion|compra|equipe|equipo"
)
_EN_THING = (
    "appointment|booking|reservation|order|refund|payment|account|visit|discount|cancellation|request|slot|seat"
    "|place|table|session|class|spot|subscription|plan|ticket|invoice|receipt|document|e-?mail|message|reminder|details"
    "|address|phone|name|data|change|check-?up|cleaning|purchase|package|parcel|registration|case|team|code|file|copy"
)
_FR_THING = (
    "rendez-vous|reservation|commande|remboursement|paiement|remise|demande|inscription|compte|visite|abonnement"
    "|creneau|table|place|seance|dossier|facture|document|courriel|e-?mail|message|rappel|adresse|coordonnees|nom"
    "|annulation|modification|changement|achat|colis|equipe|copie|consultation|billet"
)
_FR_BEEN = r"(?:vous )?(?:a|ont) (?:bien |deja |desormais )?ete|vient d'etre|viennent d'etre"
_GAP = r"(?:[\w’'-]+ ){0,4}?"  # a few words between a thing and what became of it
_OPEN = r"(?:^|[.!:;,—–-] ?|\b(?:pronto|feito|perfeito|certo|ok|done|great|perfect|listo|perfecto|voila|parfait|and|et) )"


def _first_person(deed: Deed) -> str:
    """I did it, I have just done it, I am doing it."""
    plain = "|".join(word for word in deed.pt.split("|") if word and word == fold(word))
    past = [rf"\b(?:{plain})\b"] if plain else []
    ours = [
        "agendamos",
        "marcamos",
        "reservamos",
        "cancelamos",
        "enviamos",
        "confirmamos",
        "alteramos",
        "remarcamos",
        "registramos",
    ]
    stem = [one for one in ours if one[:-4] in deed.infinitives]
    if stem:
        past.append(rf"\bja (?:{'|'.join(stem)})\b|\b(?:{'|'.join(stem)}) (?:a |o )?(?:sua|seu)\b")
    when = r"(?:just |already |now |gone ahead and |also |successfully |since )*"
    past.append(rf"\b(?:i|we)(?:'ve| have|'d| had)? {when}(?:{deed.en})\b")
    past.append(rf"\b(?:i|we) \w+(?: \w+){{0,3}} and (?:{deed.en})\b")
    past.append(
        rf"\bje (?:vous|te|l'|le|la|les|lui|leur) ?(?:l')?ai (?:bien |deja |aussi )?(?:{deed.fr})(?:e|s|es)?\b"
    )
    past.append(rf"\bhave (?:just |already )(?:{deed.en})\b")
    if deed.done:
        past.append(rf"\b(?:he|hemos|ya he|ya hemos) (?:ya )?(?:{deed.done})o\b")
    past.append(
        rf"\b(?:j'ai|nous avons|on a) (?:bien |deja |aussi |donc |tout juste |l'|\w+ )?(?:{deed.fr})(?:e|s|es)?\b"
    )
    doing = [
        rf"\b(?:estou|estamos|estoy) (?:ja |agora |te |lhe |lo |la )*(?:{deed.doing_pt})\b",
        rf"\b(?:acabei|acabamos|acabo|acabamos) de (?:{deed.infinitives})\b",
        rf"\bje viens (?:tout juste )?(?:de |d')(?:vous |l')?(?:{deed.infinitives})\b",
        rf"\b(?:i'm|i am|we're|we are) (?:now |just |already )?(?:{deed.doing_en}) (?:you|your|it|this|that|the)\b",
        rf"\bje (?:vous |te |l'|le |la )+(?:{deed.doing_fr})\b",
    ]
    return "|".join([*past, *doing])


def _was_done(deed: Deed) -> str:
    """It was done: a thing of the customer's with what became of it, or that alone."""
    said: list[str] = []
    if deed.done:
        ended = rf"(?:{deed.done})[oa]s?"
        be = r"(?:foi|foram|esta|estao|ficou|ficaram|fica|ja foi|ja esta|fue|fueron|estan|quedo|queda|ha sido|han sido)"
        said += [
            rf"\b(?:{_THING})s? {_GAP}{be} (?:ja |ya |agora |tudo |todo |com sucesso |devidamente )*{ended}\b",
            rf"\b(?:foi|foram|fue|fueron|ha sido|han sido|ja esta|ya esta) (?:ja |ya |agora |ahora )*{ended}\b(?! (?:por|pel[oa]s?|em)\b)",
            rf"\b(?:sua|seu|su|tua|teu|tu) (?:{_THING})s? (?:ja |ya )?{ended}\b",
            rf"{_OPEN}(?:ja |ya |esta |tudo |todo |foi |ficou |quedo |queda |dejo )*{ended}\b(?! (?:por|pel[oa]s?|em)\b)",
            rf"^(?:{_THING})s? (?:\w+ )?{ended}\b(?= (?:para|com|con|as|a las|no|na|en|el|ate)\b|[.!,;:]|$)",
            rf"\bdeixei (?:tudo )?{ended}\b|\b(?:esta|ficou) tudo {ended}\b|\bqueda todo {ended}\b|\bdeje (?:todo )?{ended}\b",
            rf"\b(?:voce|usted|te) (?:ja |ya )?(?:esta|esta ya|foi|fue|ficou|quedo|queda) (?:ja |ya )?{ended}\b",
        ]
    said += [
        rf"\b(?:your|this|it|everything|all|that) {_GAP}(?:is|are|has been|have been|was|were|'s been)"
        rf" (?:now |already |just |all |successfully )*(?:{deed.en})\b(?! by\b)",
        rf"\b(?:the|our) {_GAP}(?:has been|have been) (?:now |already |just )*(?:{deed.en})\b(?! by\b)",
        rf"\b(?:the|our) (?:\w+ )?(?:{_EN_THING})s? (?:was|were) (?:now |already |just )*(?:{deed.en})\b(?! by\b)",
        rf"\b(?:you're|you are|you have been|you've been) (?:now |all |already |successfully )*(?:{deed.en})\b",
        rf"{_OPEN}(?:all |now |already |successfully )?(?:{deed.en})\b(?= (?:for|you|to|on|at|in|your|it|successfully|the)\b|[.!:,]|$)",
        rf"^(?:{_EN_THING})s? (?:(?:has|have) been |now |already )?(?:{deed.en})\b(?= (?:for|to|at|on|in)\b|[.!,;:]|$)",
        rf"\b(?:votre|vos|tout|c'|cela|ca) ?{_GAP}(?:est|sont|{_FR_BEEN})"
        rf" (?:bien |deja |maintenant |desormais )*(?:{deed.fr})(?:e|s|es)?\b(?! par\b)",
        rf"\b(?:le|la|l'|les) ?{_GAP}(?:{_FR_BEEN}) (?:bien |deja )*(?:{deed.fr})(?:e|s|es)?\b(?! par\b)",
        rf"^(?:{_FR_THING})s? (?:bien |deja )?(?:{deed.fr})(?:e|s|es)?\b(?= (?:pour|a|au|le|chez)\b|[.!,;:]|$)",
        rf"\b(?:vous etes|vous avez ete) (?:bien |deja )?(?:{deed.fr})(?:e|s|es)?\b",
        rf"^c'est (?:bien |deja )?(?:{deed.fr})\b",
    ]
    return "|".join(said)


_PLAIN_DONE = (
    r"\b(?:ja|ya) (?:esta|estao|estan) (?:no|na|em|en|a caminho d\w+) (?:(?:seu|sua|su|tu) )?(?:e-?mail|caixa|whatsapp|correo|bandeja)"
    r"|\bon (?:its|the|their) way to (?:you|your)\b|\bis (?:already )?in your inbox\b"
    r"|\b(?:est|sont) (?:deja )?(?:dans votre boite|en route vers)"
    r"|\bi(?:'ve| have)? (?:put you (?:down|in)|took care|taken care|sorted|arranged|requested|opened|created|made (?:a|the|your) (?:booking|reservation|request|appointment)|spoke|spoken|talked) ?"
    r"|^(?:ja )?(?:inclui|exclui) voce\b|\b(?:confirmo|cancelo|reservo) (?:a |o |la |el )?(?:sua|seu|su|tu)\b"
    r"|"
    r"\b(?:you're|you are|it's|it is|everything is|that's) all set\b|\bconsider it done\b"
    r"|^(?:pronto|feito|ya esta|listo|hecho|done|all done|all set|c'est fait|voila qui est fait)\s*[!.]*$"
    r"|\b(?:esta|ta) (?:tudo )?(?:feito|resolvido)\b|\bya (?:esta|quedo) (?:hecho|listo|resuelto)\b"
    r"|\b(?:it is|it's|that's|all) (?:been )?(?:done|taken care of|sorted)\b(?! (?:in|by|within|when|once|at|on|every|only)\b)"
    r"|\bc'est (?:fait|regle|en ordre)\b|\b(?:j'ai|on a) (?:tout )?(?:fait|regle) (?:le necessaire|pour vous)\b"
    r"|\b(?:voce|te|usted) (?:tem|tiene) (?:\w+ )?(?:consulta|cita|reserva|horario|mesa) (?:garantid|asegurad)"
    r"|\b(?:te esperamos|esperamos voce|contamos com voce|see you|a bientot|nos vemos) \w*.*\b\d{1,2} ?(?:h|:|am|pm)"
)


def _accented(words: str) -> str:
    """Those that an accent makes the first person: "incluí" and "inclui"."""
    return "".join(f"|{word}" for word in words.split("|") if word != fold(word))


_ACCENTED = tuple(
    (
        deed.allowed,
        re.compile(rf"(?<!\w)(?:te |le |lo |la |les |ya )*(?:{deed.es}{_accented(deed.pt)})(?!\w)", re.I),
    )
    for deed in DEEDS
)
_FR_ALONE = re.compile(
    r"(?:^|[.!:;,—–-] ?|\bvoilà,? )(?:bien |déjà |tout est )?(?:réserv|confirm|annul|envoy|enregistr|valid|modifi|rembours"
    r"|programm|not|expédi|planifi|inscri|transmi|report|déplac)(?:ée?s?|te?s?|se?s?)(?= (?:pour|à|au|le|chez)\b|\s?[.!:,]|$)"
)
_FR_BEFORE = re.compile(r"\b(?:sera|est|été|a|ai|avons|ont|sont|être|êtes|soit|aura|auront|seront|bien)\s+$")
_I_DID = tuple((deed.allowed, re.compile(_first_person(deed))) for deed in DEEDS)
# Most sentences have none of these, and need not be looked at closely.
_STEMS = {
    fold(word)[:6]
    for deed in DEEDS
    for field in fields(deed)
    if field.name != "allowed"
    for word in str(getattr(deed, field.name)).split("|")
    if word
}
_HINT = re.compile(rf"\b(?:{'|'.join(sorted(_STEMS))})")
_IS_DONE = tuple((deed.allowed, re.compile(_was_done(deed))) for deed in DEEDS)
_IS_ALL_DONE = re.compile(_PLAIN_DONE)
_STATES = {
    claim: re.compile(
        "|".join(
            rf"\b(?:{deed.en}|{deed.fr}e?s?)\b" + (rf"|\b(?:{deed.done})[oa]s?\b" if deed.done else "")
            for deed in DEEDS
            if claim in deed.allowed
        )
    )
    for claim in ANY
}  # fmt: skip

_DENIED = re.compile(
    r"(?:\bnao|\bno|\bnot|n't|\bnever|\bnunca|\bne|\bn'|\bjamais|\bsem|\bwithout|\bsin|\bsans|\bnem|\bni|\bnothing"
    r"|\bnada|\bnenhum\w*|\bninguem|\bcannot|\brien|\baucun\w*|\bningun\w*|\bnobody|\bno one)\s+(?:[\w']+\s+){0,2}$"
)
_CONDITION = (
    r"\b(?:se|quando|caso|assim que|logo que|depois que|depois de|apos|ate|enquanto|antes de|so|somente|apenas"
    r"|if|when|whenever|once|after|until|as soon as|unless|before|only"
    r"|si|cuando|una vez que|despues de|hasta|en cuanto|antes|solo|tan pronto|mientras"
    r"|quand|lorsque|des que|apres|jusqu'a|une fois|avant|seulement|a condition|tant que"
    r"|como se|you (?:said|mentioned|told|wrote)|voce (?:disse|comentou|mencionou|contou)"
    r"|usted (?:dijo|comento|menciono|conto)|vous (?:disiez|dites|avez dit|mentionniez))\b"
)
_BEFORE = re.compile(_CONDITION + r"[^,;:.!—–]*$")
_MAY = re.compile(
    r"\b(?:would|could|can|may|might|must|should|will|shall|pode|podem|deve|devem|vai|vao|sera|serao|precisa|puede"
    r"|pueden|debe|va a|peut|peuvent|doit|sera|seront|va|vont)\b[^,;:.!—–]*$"
)
_AFTER = re.compile(
    r"^[^,;:.!—–]{0,40}?\b(?:quando|se|caso|assim que|logo que|depois que|apos|somente|when|once|if|after|as soon as"
    r"|only|by|cuando|una vez|en cuanto|si|despues|quand|lorsque|des que|apres|une fois|a condition|mediante)\b"
)
_FIRST = re.compile(
    r"^(?:quando|assim que|logo que|depois que|apos|when|once|as soon as|after|cuando|una vez|en cuanto|despues"
    r"|quand|lorsque|des que|apres|une fois)\b[^,;]*\b(?:for|forem|fizer|pagar|receb\w+|cair|confirmar|envi\w+|tiver"
    r"|o pagamento|o sinal|you (?:pay|send|confirm|have)|is|are|we (?:receive|get|have)|payment|sea|pague|haga|confirme"
    r"|el pago|la sena|est|aurez|sera|recevons|payez|envoyez|avez|le paiement|l'acompte)\b[^,;]*,"
)
_TAG = re.compile(
    r",\s*¿?(?:ok|okay|certo|ta|ta bom|tudo bem|pode ser|combinado|beleza|viu|right|alright|all right|vale|de acuerdo"
    r"|esta bien|si|d'accord|ca marche|ca va|c'est bon)\s*\?$"
)
_ALREADY = re.compile(r"\b(?:ja|already|earlier|before|ya|antes|deja|tout a l'heure|plus tot|mais cedo)\b")
_SENTENCE = re.compile(r"(?:[^.!?\n]|\.(?=\d)|(?<=\d)\.(?=\S))+[.!?]*")
_TOKEN = re.compile(r"\w{3,}|\d+")


def unproved(answer: str, *, published: str, receipts: Sequence[Receipt] = ()) -> str:
    """The first words that claim a deed for which there is no receipt; empty when there are none.

    `published` is what the business says itself, folded: what was done on some condition may stand there.
    """
    for sentence in _SENTENCE.findall(answer.replace("’", "'").replace("*", "")):
        for allowed, words, is_first_person in _claims(sentence.strip(), published):
            if not _is_proved(allowed, sentence, receipts, by_record=not is_first_person):
                return words
    return ""


def _claims(sentence: str, published: str) -> Iterator[tuple[frozenset[str], str, bool]]:
    plain = fold(sentence)
    asks = plain.endswith("?")
    if asks and not _TAG.search(plain):
        return  # "Já paguei, e agora?" is what customers ask
    hinted, accented = _HINT.search(plain) is not None, sentence.lower()
    if hinted:
        for allowed, pattern in _ACCENTED:
            if words := _meant(pattern, accented, beside=_FR_BEFORE):
                yield allowed, words, True
        for allowed, pattern in _I_DID:
            if words := _meant(pattern, plain):
                yield allowed, words, True
    if plain.rstrip(".!") not in published and not _FIRST.search(plain):
        yield from _states(plain, accented, hinted=hinted)


def _states(plain: str, accented: str, *, hinted: bool) -> Iterator[tuple[frozenset[str], str, bool]]:
    """What the sentence says was done, by nobody in particular."""
    if words := _meant(_IS_ALL_DONE, plain, after=True):
        yield ANY, words, False
    if not hinted:
        return
    if words := _meant(_FR_ALONE, accented, after=True):
        yield ANY, words, False
    for allowed, pattern in _IS_DONE:
        if words := _meant(pattern, plain, after=True):
            yield allowed, words, False


def _meant(
    pattern: re.Pattern[str], sentence: str, *, after: bool = False, beside: re.Pattern[str] | None = None
) -> str:
    """The words of a claim that the sentence neither denies nor makes depend on something."""
    for found in pattern.finditer(sentence):
        before = fold(sentence[: found.start()]) + " "
        if _DENIED.search(before) or _BEFORE.search(before.rstrip()):
            continue
        if beside is not None and beside.search(sentence[: found.start()]):
            continue  # "sera confirmé" is French
        if after and (_MAY.search(before.rstrip()) or _AFTER.search(sentence[found.end() :])):
            continue
        return found.group().strip()
    return ""


def _is_proved(
    allowed: frozenset[str], sentence: str, receipts: Sequence[Receipt], *, by_record: bool
) -> bool:
    """Whether something that was done stands for it, or a record that was read says so.

    What was done in an earlier turn counts where the sentence clearly speaks of it.
    """
    said = set(_TOKEN.findall(fold(sentence)))
    for receipt in receipts:
        words = fold(receipt.words)
        if receipt.claims & allowed:
            if receipt.fresh or _ALREADY.search(fold(sentence)) or said & set(_TOKEN.findall(words)):
                return True
        elif by_record and receipt.fresh and any(_STATES[claim].search(words) for claim in allowed):
            return True
    return False
