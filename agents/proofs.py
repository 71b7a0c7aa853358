"""Whether a record is this customer's: by a phone or an e-mail that is proved to be theirs. Pure.

Records write numbers as people do, "(11) 99999-0000"; a proved one is all digits with its country's code.
"""

import re
from collections.abc import Collection
from typing import Any, Literal

By = Literal["phone", "email"]
_BRAZIL = re.compile(r"55([1-9]\d)(9?)([6-9]\d{7})")


def is_theirs(value: Any, *, by: By, phones: Collection[str], emails: Collection[str], region: str) -> bool:
    """Whether a proved phone or e-mail stands in the record; several stand with ; or , or / between."""
    cells = value if isinstance(value, list) else re.split(r"[;,/|\n]", str(value or ""))
    if by == "email":
        known = {email.strip().casefold() for email in emails}
        return any(str(cell).strip().casefold() in known for cell in cells if str(cell).strip())
    own = {form for phone in phones for form in forms(phone)}
    return any(international(str(cell), region=region) in own for cell in cells if str(cell).strip())


def international(text: str, *, region: str) -> str:
    """The digits of a number with its country's code; without one it is of `region`. Empty: no number."""
    import phonenumbers  # slow to load, and few processes need it

    try:
        number = phonenumbers.parse(text.strip(), region.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


def forms(phone: str) -> set[str]:
    """The same number as it may be written: a Brazilian mobile with and without its ninth digit."""
    digits = re.sub(r"\D", "", phone)
    match = _BRAZIL.fullmatch(digits)
    if match is None:
        return {digits} - {""}
    area, _ninth, rest = match.groups()
    return {f"55{area}{rest}", f"55{area}9{rest}"}
