"""Phone numbers as WhatsApp writes them. Pure."""

import re


def ninth_digit_twin(value: str) -> str:
    """The same Brazilian mobile number with or without the ninth digit; empty for any other number.

    Only the gateway can say whether both are one person's.
    """
    found = re.fullmatch(r"(55[1-9][0-9])(9?)([6-9][0-9]{7})@c\.us", value)
    if found is None:
        return ""
    area, ninth, rest = found.groups()
    return f"{area}{rest}@c.us" if ninth else f"{area}9{rest}@c.us"
