"""What `knowledge.facts` and `knowledge.flags` know of values, labels and dates in four languages.

Everything stands without accents and in small letters, as `questions.fold` leaves it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date

_NUMBER = r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_MONEY = r"r\$|us\$|\$|€|£|eur|brl|usd"
_MONEY_AFTER = r"(?:reais|real|euros?|eur|dollars?|dolares|libras|pounds)\b|€|£"
# In this order: what a pattern takes the next ones do not see.
VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "money",
        re.compile(
            rf"(?:{_MONEY})\s?({_NUMBER})|({_NUMBER})\s?(?:{_MONEY_AFTER})"
            rf"|\b(?:preco|price|precio|prix|valor|tarifa|tarif|cost|custo|fee):\s?({_NUMBER})(?!\s?(?:%|\w))"
        ),
    ),
    ("share", re.compile(rf"({_NUMBER})\s?%")),
    (
        "duration",
        re.compile(
            rf"\b({_NUMBER})\s?(?P<unit>minut\w*|min|days?|dias?|jours?|semanas?|weeks?|semaines?|mes(?:es)?|months?|mois"
            r"|anos?|anios?|years?|ans?|noites?|nights?|nuits?)\b"
        ),
    ),
    (
        "time",
        re.compile(
            r"\b(\d{1,2}(?::\d{2}|\s?h(?:rs|s|oras?|eures?)?\s?\d{2}|\s?h(?:rs|s|oras?|eures?)?\b|(?::\d{2})?\s?[ap]\.?m\b))"
        ),
    ),
)
UNITS: Mapping[str, str] = {
    **dict.fromkeys(("min", "minuto", "minutos", "minute", "minutes"), " min"),
    **dict.fromkeys(("dia", "dias", "day", "days", "jour", "jours"), " d"),
    **dict.fromkeys(("semana", "semanas", "week", "weeks", "semaine", "semaines"), " w"),
    **dict.fromkeys(("mes", "meses", "month", "months", "mois"), " mo"),
    **dict.fromkeys(("ano", "anos", "year", "years", "an", "ans", "anio", "anios"), " y"),
    **dict.fromkeys(("noite", "noites", "night", "nights", "nuit", "nuits"), " n"),
}
# Words that name a kind of table or fact, not what it is about.
_LABELS = """
dura duram demora minuto minutos minute minutes takes lasts tarda dure durent
preco precos valor valores tabela lista horario horarios funcionamento atendimento servico servicos contato contatos
informacoes geral gerais perguntas frequentes duracao duration price prices pricing list table hours opening times
service services contact information general faq questions precio precios tarifa tarifas horarios servicios contacto
preguntas duracion prix tarif tarifs horaires liste contact informations questions duree custa custo cost coute cuesta
partir apenas somente only seulement solo cada aproximadamente about environ cerca novo nova new nuevo nueva nouveau
nouvelle atual atualizada atualizado current actual actualizado actuel
"""
LABELS = frozenset(_LABELS.split())


def number(text: str) -> str:
    """A number or a time of day in one way of writing: `1.200,00` is 1200, `9h00` is 9:00."""
    folded = text.replace(" ", "").replace(".m", "m")
    if re.search(r"[h:]|[ap]m?$", folded):
        return _time(folded)
    plain = re.sub(r"(?<=\d)[.,](?=\d{3}(?:\D|$))", "", folded).replace(",", ".")
    return re.sub(r"\.0+$", "", plain)


def _time(text: str) -> str:
    found = re.match(r"(\d{1,2})\D*(\d{2})?\D*?([ap])?m?$", text)
    if found is None:
        return text
    hour, minute, half = int(found[1]), found[2] or "00", found[3]
    if (half == "p" and hour < 12) or (half == "a" and hour == 12):
        hour = (hour + 12) % 24
    return f"{hour}:{minute}"


_MONTHS: Mapping[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "janeiro january enero janvier",
            "fevereiro february febrero fevrier",
            "marco march marzo mars",
            "abril april avril",
            "maio may mayo mai",
            "junho june junio juin",
            "julho july julio juillet",
            "agosto august aout",
            "setembro september septiembre setiembre septembre",
            "outubro october octubre octobre",
            "novembro november noviembre novembre",
            "dezembro december diciembre decembre",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(_MONTHS)
_DATE = re.compile(
    rf"(?P<d>\d{{1,2}})[/.-](?P<m>\d{{1,2}})[/.-](?P<y>20\d\d|\d\d)\b|(?P<iso>20\d\d-\d\d-\d\d)\b"
    rf"|(?P<day>\d{{1,2}})(?:er|o|st|nd|rd|th)?\s(?:de |of )?(?P<month>{_MONTH})\.?,?\s(?:de |del )?(?P<year>20\d\d)\b"
    rf"|(?P<month2>{_MONTH})\s(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year2>20\d\d)\b"
    rf"|(?P<month3>{_MONTH})\.?,?\s(?:de |del |of )?(?P<year3>20\d\d)\b|(?P<only>20\d\d)\b"
)
_UNTIL = re.compile(
    r"\b(?:valid[oa]?s? (?:ate|hasta|until|through|till|to|thru)|valida?(?:de)?:|validade(?: ate)?:?|vigentes? (?:ate|hasta)"
    r"|vigencia(?: (?:ate|hasta))?:?|vigor (?:ate|hasta)|expira(?:m)?(?: em)?:?|expires?(?: on)?:?|valables? jusqu['’]?(?:au|en|a)?"
    r"|en vigueur jusqu['’]?(?:au|en|a)?|inscricoes (?:abertas )?ate|promocao (?:valida )?ate|promocion (?:valida )?hasta"
    r"|offer ends?(?: on)?|offre valable jusqu['’]?(?:au|en|a)?)\b[\s:]{0,2}(?:o |el |le |dia |the )?(?P<rest>.{0,48})"
)
_OF_YEAR = re.compile(
    r"\b(?:tabela|lista|precos?|valores|tarifas?|tarifario|promoc(?:ao|oes)|cardapio|calendario|agenda|edital|reajuste"
    r"|price list|prices|pricing|rates|fees|price|menu|schedule|calendar|timetable|catalogue|catalog"
    r"|precios?|listas? de precios|promocion(?:es)?|horarios?|catalogo|tarifs?|prix|liste des prix|horaires|calendrier"
    r"|grille tarifaire)(?: de precos| de precios| de valores| des prix)?\s?(?:\(|-|–|/|:|de |del |do ano de |for |of |para |pour |ano |year )?\s?"
    r"(?P<year>20\d\d)\b(?!\s?(?:[/–-]|a|ate|to|au|al)\s?(?:20)?\d\d)"
)


def expired(text: str, *, today: date) -> str:
    """The words by which a text says that its time is over; empty when none does. `text` is folded."""
    for found in _UNTIL.finditer(text):
        dates = list(_dates(found["rest"]))
        # A span ("01/01/2023 a 31/12/2023") is over when its last day is.
        if dates and max(dates) < today:
            return found[0].strip()
    for found in _OF_YEAR.finditer(text):
        if int(found["year"]) < today.year:
            return found[0].strip(" (-–")
    return ""


def _dates(text: str) -> Iterator[date]:
    """The last day that each date in it can mean: a month alone lasts until its end, a year too."""
    for found in _DATE.finditer(text):
        parts = {name: value for name, value in found.groupdict().items() if value}
        last = _last_day(parts)
        if last is not None:
            yield last


def _last_day(parts: Mapping[str, str]) -> date | None:
    try:
        if "iso" in parts:
            return date.fromisoformat(parts["iso"])
        if "d" in parts:
            day, month, year = int(parts["d"]), int(parts["m"]), int(parts["y"])
            day, month = (month, day) if month > 12 else (day, month)
            return date(year + 2000 if year < 100 else year, month, day)
        if "day" in parts:
            return date(int(parts["year"]), _MONTHS[parts["month"]], int(parts["day"]))
        if "day2" in parts:
            return date(int(parts["year2"]), _MONTHS[parts["month2"]], int(parts["day2"]))
        if "month3" in parts:
            return date(int(parts["year3"]), _MONTHS[parts["month3"]], 28)
        return date(int(parts["only"]), 12, 31)
    except ValueError:
        return None  # 31/02: nobody can say what was meant
