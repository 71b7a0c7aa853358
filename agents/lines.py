"""The fixed lines that a customer may hear from the product itself, in the customer's language. Pure."""

from datetime import datetime
from enum import StrEnum


class Line(StrEnum):
    """Which fixed line."""

    ASKED = "asked"
    CALLED = "called"
    NO_CREDITS = "no_credits"
    SPEND_LIMIT = "spend_limit"  # there are credits, and the owner lets no more of them be spent today
    FAILED = "failed"
    MEDIA = "media"
    MEDICAL = "medical"
    SELF_HARM = "self_harm"
    VIOLENCE = "violence"
    FIRE = "fire"
    LOOP = "loop"  # said to nobody: another line would feed the other machine
    TOO_MANY = "too_many"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    HOLDING = "holding"
    OUT_OF_HOURS = "out_of_hours"
    OWNERS_CASE = "owners_case"
    BACK = "back"
    OUT_OF_SCOPE = "out_of_scope"
    REMEMBERED = "remembered"
    FORGOTTEN = "forgotten"


_LINES: dict[str, dict[Line, str]] = {
    "pt": {
        Line.ASKED: "Claro. Já avisei a equipe: uma pessoa continua esta conversa com você.",
        Line.CALLED: "Vou deixar isto com a equipe: já avisei, e uma pessoa continua esta conversa com você.",
        Line.NO_CREDITS: "Recebi sua mensagem. Não consigo responder por aqui agora, então já avisei a equipe: uma pessoa vai responder você.",
        Line.SPEND_LIMIT: "Recebi sua mensagem. Não consigo responder por aqui agora, então já avisei a equipe: uma pessoa vai responder você.",
        Line.FAILED: "Recebi sua mensagem, mas não consegui responder agora. Já avisei a equipe: uma pessoa vai responder você.",
        Line.MEDIA: "Recebi o que você enviou. Ainda não consigo ler este tipo de mensagem, então já avisei a equipe: uma pessoa vai ver e responder você.",
        Line.MEDICAL: "Isso pode ser uma emergência. Ligue agora para o SAMU, 192, ou vá ao pronto-socorro mais próximo. Também avisei a equipe.",
        Line.SELF_HARM: "Sinto muito que você esteja passando por isso. Por favor, fale agora com alguém: CVV, ligue 188 (24 horas, grátis); em perigo imediato, 192. Também avisei a equipe.",
        Line.VIOLENCE: "Sua segurança vem primeiro. Em perigo agora, ligue 190 (polícia); violência contra a mulher, 180. Também avisei a equipe.",
        Line.FIRE: "Saia daí agora e não volte para buscar nada. Depois ligue para os bombeiros: 193. Também avisei a equipe.",
        Line.TOO_MANY: "Hoje já respondi tudo o que posso por aqui. Avisei a equipe: uma pessoa continua com você.",
        Line.OPTED_OUT: "Pronto: não enviaremos mais mensagens que você não pediu. Para voltar a receber, escreva VOLTAR.",
        Line.OPTED_IN: "Que bom ter você de volta! Para parar de receber, escreva SAIR a qualquer momento.",
        Line.HOLDING: "Recebi sua mensagem e estou demorando mais do que o normal. Respondo assim que puder; se eu não conseguir, uma pessoa da equipe responde.",
        Line.OUT_OF_HOURS: "Recebemos sua mensagem. Agora estamos fechados; voltamos {back} e uma pessoa responde você.",
        Line.BACK: "Nossa equipe volta {back}.",
        Line.OWNERS_CASE: "Isso é melhor com uma pessoa da equipe. Já avisei: alguém continua esta conversa com você.",
        Line.OUT_OF_SCOPE: "Com isso não consigo ajudar: aqui respondo só sobre a nossa empresa e o que ela oferece.",
        Line.REMEMBERED: "Combinado: vou lembrar do que você gosta e do que já conversamos. Para eu esquecer tudo, escreva ESQUEÇA DE MIM.",
        Line.FORGOTTEN: "Pronto: apaguei o que eu lembrava de você e não guardo mais nada. Se mudar de ideia, escreva LEMBRE DE MIM.",
    },
    "en": {
        Line.ASKED: "Of course. I have told the team: a person will continue this conversation with you.",
        Line.CALLED: "This is for the team: I have told them, and a person will continue this conversation with you.",
        Line.NO_CREDITS: "I have your message. I cannot answer here right now, so I have told the team: a person will reply to you.",
        Line.SPEND_LIMIT: "I have your message. I cannot answer here right now, so I have told the team: a person will reply to you.",
        Line.FAILED: "I have your message but could not answer just now. I have told the team: a person will reply to you.",
        Line.MEDIA: "I have what you sent. I cannot read this kind of message yet, so I have told the team: a person will look and reply.",
        Line.MEDICAL: "This may be an emergency. Call your local emergency number now (112, 911 or 192 in Brazil) or go to the nearest emergency room. I have told the team too.",
        Line.SELF_HARM: "I am sorry that you are going through this. Please talk to someone now: call your local crisis line (988 in the US, 188 in Brazil) or the emergency number. I have told the team too.",
        Line.VIOLENCE: "Your safety comes first. If you are in danger now, call the police (112, 911 or 190 in Brazil). I have told the team too.",
        Line.FIRE: "Get out now and do not go back for anything. Then call the fire brigade (112, 911 or 193 in Brazil). I have told the team too.",
        Line.TOO_MANY: "I have answered all I can here today. I have told the team: a person will continue with you.",
        Line.OPTED_OUT: "Done: we will not send you messages that you did not ask for. To hear from us again, write START.",
        Line.OPTED_IN: "Good to have you back! To stop at any time, write STOP.",
        Line.HOLDING: "I have your message and need longer than usual. I will answer as soon as I can; if I cannot, a person of the team will.",
        Line.OUT_OF_HOURS: "We have your message. We are closed at the moment; we are back {back} and a person will answer you.",
        Line.BACK: "Our team is back {back}.",
        Line.OWNERS_CASE: "This is better with a person of the team. I have told them: somebody will continue this conversation with you.",
        Line.OUT_OF_SCOPE: "I cannot help with that: here I only answer about our business and what it offers.",
        Line.REMEMBERED: "Agreed: I will remember what you like and what we talked about. To have it all forgotten, write FORGET ME.",
        Line.FORGOTTEN: "Done: what I remembered of you is deleted, and I keep nothing more. If you change your mind, write REMEMBER ME.",
    },
    "es": {
        Line.ASKED: "Claro. Ya avisé al equipo: una persona continúa esta conversación con usted.",
        Line.CALLED: "Esto lo ve el equipo: ya le avisé, y una persona continúa esta conversación con usted.",
        Line.NO_CREDITS: "Recibí su mensaje. Ahora no puedo responder por aquí, así que avisé al equipo: una persona le responderá.",
        Line.SPEND_LIMIT: "Recibí su mensaje. Ahora no puedo responder por aquí, así que avisé al equipo: una persona le responderá.",
        Line.FAILED: "Recibí su mensaje, pero no pude responder ahora. Ya avisé al equipo: una persona le responderá.",
        Line.MEDIA: "Recibí lo que envió. Todavía no puedo leer este tipo de mensaje, así que avisé al equipo: una persona lo verá y le responderá.",
        Line.MEDICAL: "Esto puede ser una emergencia. Llame ahora al número de emergencias (112, 911 o 192 en Brasil) o vaya a urgencias. También avisé al equipo.",
        Line.SELF_HARM: "Lamento mucho que esté pasando por esto. Por favor, hable ahora con alguien: la línea de crisis de su país (024 en España, 188 en Brasil) o emergencias. También avisé al equipo.",
        Line.VIOLENCE: "Su seguridad es lo primero. Si está en peligro, llame a la policía (112, 911 o 190 en Brasil). También avisé al equipo.",
        Line.FIRE: "Salga ahora y no vuelva por nada. Después llame a los bomberos (112, 911 o 193 en Brasil). También avisé al equipo.",
        Line.TOO_MANY: "Por hoy ya respondí todo lo que puedo por aquí. Avisé al equipo: una persona continúa con usted.",
        Line.OPTED_OUT: "Listo: no le enviaremos más mensajes que no haya pedido. Para volver a recibirlos, escriba ALTA.",
        Line.OPTED_IN: "¡Qué bueno tenerle de vuelta! Para dejar de recibir mensajes, escriba BAJA en cualquier momento.",
        Line.HOLDING: "Recibí su mensaje y estoy tardando más de lo normal. Respondo en cuanto pueda; si no lo consigo, le responderá una persona del equipo.",
        Line.OUT_OF_HOURS: "Recibimos su mensaje. Ahora estamos cerrados; volvemos {back} y una persona le responderá.",
        Line.BACK: "Nuestro equipo vuelve {back}.",
        Line.OWNERS_CASE: "Esto es mejor con una persona del equipo. Ya avisé: alguien continúa esta conversación con usted.",
        Line.OUT_OF_SCOPE: "Con eso no puedo ayudar: aquí respondo solo sobre nuestra empresa y lo que ofrece.",
        Line.REMEMBERED: "De acuerdo: recordaré lo que prefiere y lo que hemos hablado. Para que lo olvide todo, escriba BORRE MI PERFIL.",
        Line.FORGOTTEN: "Listo: borré lo que recordaba de usted y no guardo nada más. Si cambia de idea, escriba RECUÉRDEME.",
    },
    "fr": {
        Line.ASKED: "Bien sûr. J’ai prévenu l’équipe : une personne poursuit cette conversation avec vous.",
        Line.CALLED: "Je laisse ceci à l’équipe : je l’ai prévenue, et une personne poursuit cette conversation avec vous.",
        Line.NO_CREDITS: "J’ai bien reçu votre message. Je ne peux pas répondre ici pour le moment ; j’ai prévenu l’équipe et une personne vous répondra.",
        Line.SPEND_LIMIT: "J’ai bien reçu votre message. Je ne peux pas répondre ici pour le moment ; j’ai prévenu l’équipe et une personne vous répondra.",
        Line.FAILED: "J’ai bien reçu votre message mais je n’ai pas pu répondre. J’ai prévenu l’équipe : une personne vous répondra.",
        Line.MEDIA: "J’ai bien reçu votre envoi. Je ne sais pas encore lire ce type de message ; j’ai prévenu l’équipe et une personne vous répondra.",
        Line.MEDICAL: "Cela peut être une urgence. Appelez tout de suite le 15 ou le 112 (192 au Brésil) ou allez aux urgences. J’ai aussi prévenu l’équipe.",
        Line.SELF_HARM: "Je suis désolé que vous traversiez cela. Parlez à quelqu’un maintenant : le 3114 en France, le 188 au Brésil, ou le 112. J’ai aussi prévenu l’équipe.",
        Line.VIOLENCE: "Votre sécurité passe avant tout. En danger immédiat, appelez le 17 ou le 112 (190 au Brésil). J’ai aussi prévenu l’équipe.",
        Line.FIRE: "Sortez tout de suite et ne retournez rien chercher. Puis appelez les pompiers : 18 ou 112 (193 au Brésil). J’ai aussi prévenu l’équipe.",
        Line.TOO_MANY: "J’ai répondu à tout ce que je peux ici aujourd’hui. J’ai prévenu l’équipe : une personne prend la suite.",
        Line.OPTED_OUT: "C’est fait : vous ne recevrez plus de messages que vous n’avez pas demandés. Pour en recevoir à nouveau, écrivez REPRENDRE.",
        Line.OPTED_IN: "Heureux de vous retrouver ! Pour ne plus rien recevoir, écrivez ARRET à tout moment.",
        Line.HOLDING: "J’ai bien reçu votre message et j’ai besoin de plus de temps que d’habitude. Je réponds dès que possible ; sinon, une personne de l’équipe le fera.",
        Line.OUT_OF_HOURS: "Nous avons bien reçu votre message. Nous sommes fermés en ce moment ; nous revenons {back} et une personne vous répondra.",
        Line.BACK: "Notre équipe revient {back}.",
        Line.OWNERS_CASE: "Une personne de l’équipe s’en occupera mieux. Je l’ai prévenue : quelqu’un poursuit cette conversation avec vous.",
        Line.OUT_OF_SCOPE: "Je ne peux pas aider avec cela : ici, je réponds seulement sur notre entreprise et ce qu’elle propose.",
        Line.REMEMBERED: "D’accord : je me souviendrai de vos préférences et de nos échanges. Pour tout effacer, écrivez OUBLIEZ-MOI.",
        Line.FORGOTTEN: "C’est fait : ce dont je me souvenais est effacé et je ne garde plus rien. Si vous changez d’avis, écrivez SOUVENEZ-VOUS DE MOI.",
    },
}


def say(line: Line, language: str) -> str:
    """The line in the language ("pt-br", "es" …), in English when we do not speak it."""
    return _LINES.get(language[:2].lower(), _LINES["en"])[line]


_WEEKDAYS = {
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
}
_BACK = {
    "pt": ("hoje às {time}", "amanhã às {time}", "{day} às {time}", "em {date:%d/%m} às {time}"),
    "en": ("today at {time}", "tomorrow at {time}", "on {day} at {time}", "on {date:%Y-%m-%d} at {time}"),
    "es": (
        "hoy a las {time}",
        "mañana a las {time}",
        "el {day} a las {time}",
        "el {date:%d/%m} a las {time}",
    ),
    "fr": ("aujourd’hui à {time}", "demain à {time}", "{day} à {time}", "le {date:%d/%m} à {time}"),
}


def when_back(opens: datetime, now: datetime, language: str) -> str:
    """When people are back, in words: both moments in the business's own time zone."""
    short = language[:2].lower() if language[:2].lower() in _BACK else "en"
    days = (opens.date() - now.date()).days
    today, tomorrow, this_week, later = _BACK[short]
    form = today if days <= 0 else tomorrow if days == 1 else this_week if days < 7 else later
    return form.format(
        time=f"{opens:%H:%M}", day=_WEEKDAYS[short].split()[opens.weekday()], date=opens.date()
    )
