"""The fixed lines that a customer may hear from the product itself, in the customer's language. Pure."""

from enum import StrEnum


class Line(StrEnum):
    """Which fixed line."""

    ASKED = "asked"
    NO_CREDITS = "no_credits"
    FAILED = "failed"
    MEDIA = "media"
    MEDICAL = "medical"
    SELF_HARM = "self_harm"
    VIOLENCE = "violence"


_LINES: dict[str, dict[Line, str]] = {
    "pt": {
        Line.ASKED: "Claro. Já avisei a equipe: uma pessoa continua esta conversa com você.",
        Line.NO_CREDITS: "Recebi sua mensagem. Não consigo responder por aqui agora, então já avisei a equipe: uma pessoa vai responder você.",
        Line.FAILED: "Recebi sua mensagem, mas não consegui responder agora. Já avisei a equipe: uma pessoa vai responder você.",
        Line.MEDIA: "Recebi o que você enviou. Ainda não consigo ler este tipo de mensagem, então já avisei a equipe: uma pessoa vai ver e responder você.",
        Line.MEDICAL: "Isso pode ser uma emergência. Ligue agora para o SAMU, 192, ou vá ao pronto-socorro mais próximo. Também avisei a equipe.",
        Line.SELF_HARM: "Sinto muito que você esteja passando por isso. Por favor, fale agora com alguém: CVV, ligue 188 (24 horas, grátis); em perigo imediato, 192. Também avisei a equipe.",
        Line.VIOLENCE: "Sua segurança vem primeiro. Em perigo agora, ligue 190 (polícia); violência contra a mulher, 180. Também avisei a equipe.",
    },
    "en": {
        Line.ASKED: "Of course. I have told the team: a person will continue this conversation with you.",
        Line.NO_CREDITS: "I have your message. I cannot answer here right now, so I have told the team: a person will reply to you.",
        Line.FAILED: "I have your message but could not answer just now. I have told the team: a person will reply to you.",
        Line.MEDIA: "I have what you sent. I cannot read this kind of message yet, so I have told the team: a person will look and reply.",
        Line.MEDICAL: "This may be an emergency. Call your local emergency number now (112, 911 or 192 in Brazil) or go to the nearest emergency room. I have told the team too.",
        Line.SELF_HARM: "I am sorry that you are going through this. Please talk to someone now: call your local crisis line (988 in the US, 188 in Brazil) or the emergency number. I have told the team too.",
        Line.VIOLENCE: "Your safety comes first. If you are in danger now, call the police (112, 911 or 190 in Brazil). I have told the team too.",
    },
    "es": {
        Line.ASKED: "Claro. Ya avisé al equipo: una persona continúa esta conversación con usted.",
        Line.NO_CREDITS: "Recibí su mensaje. Ahora no puedo responder por aquí, así que avisé al equipo: una persona le responderá.",
        Line.FAILED: "Recibí su mensaje, pero no pude responder ahora. Ya avisé al equipo: una persona le responderá.",
        Line.MEDIA: "Recibí lo que envió. Todavía no puedo leer este tipo de mensaje, así que avisé al equipo: una persona lo verá y le responderá.",
        Line.MEDICAL: "Esto puede ser una emergencia. Llame ahora al número de emergencias (112, 911 o 192 en Brasil) o vaya a urgencias. También avisé al equipo.",
        Line.SELF_HARM: "Lamento mucho que esté pasando por esto. Por favor, hable ahora con alguien: la línea de crisis de su país (024 en España, 188 en Brasil) o emergencias. También avisé al equipo.",
        Line.VIOLENCE: "Su seguridad es lo primero. Si está en peligro, llame a la policía (112, 911 o 190 en Brasil). También avisé al equipo.",
    },
    "fr": {
        Line.ASKED: "Bien sûr. J’ai prévenu l’équipe : une personne poursuit cette conversation avec vous.",
        Line.NO_CREDITS: "J’ai bien reçu votre message. Je ne peux pas répondre ici pour le moment ; j’ai prévenu l’équipe et une personne vous répondra.",
        Line.FAILED: "J’ai bien reçu votre message mais je n’ai pas pu répondre. J’ai prévenu l’équipe : une personne vous répondra.",
        Line.MEDIA: "J’ai bien reçu votre envoi. Je ne sais pas encore lire ce type de message ; j’ai prévenu l’équipe et une personne vous répondra.",
        Line.MEDICAL: "Cela peut être une urgence. Appelez tout de suite le 15 ou le 112 (192 au Brésil) ou allez aux urgences. J’ai aussi prévenu l’équipe.",
        Line.SELF_HARM: "Je suis désolé que vous traversiez cela. Parlez à quelqu’un maintenant : le 3114 en France, le 188 au Brésil, ou le 112. J’ai aussi prévenu l’équipe.",
        Line.VIOLENCE: "Votre sécurité passe avant tout. En danger immédiat, appelez le 17 ou le 112 (190 au Brésil). J’ai aussi prévenu l’équipe.",
    },
}


def say(line: Line, language: str) -> str:
    """The line in the language ("pt-br", "es" …), in English when we do not speak it."""
    return _LINES.get(language[:2].lower(), _LINES["en"])[line]
