"""What a message holds that words cannot: places and contact cards, as words and as links. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_PAIR = r"(-?\d{1,2}(?:\.\d+)?)\s*[,;/]\s*(-?\d{1,3}(?:\.\d+)?)"
# Coordinates as they stand in links of maps, the most exact first, and as people copy them.
_PLACES = (
    re.compile(r"!3d(-?\d{1,2}\.\d+)!4d(-?\d{1,3}\.\d+)"),
    re.compile(r"mlat=(-?\d{1,2}\.\d+)&(?:amp;)?mlon=(-?\d{1,3}\.\d+)"),
    re.compile(rf"(?:[?&](?:q|query|ll|daddr)=|@|geo:){_PAIR}"),
    re.compile(r"#map=\d+/(-?\d{1,2}\.\d+)/(-?\d{1,3}\.\d+)"),
    re.compile(rf"^\s*\(?{_PAIR}\)?\s*$"),
)


def place_in(text: str) -> tuple[float, float] | None:
    """Latitude and longitude in what a person pasted: two numbers, or a link to a map; None for neither."""
    for pattern in _PLACES:
        if found := pattern.search(text.replace("%2C", ",")):
            latitude, longitude = float(found[1]), float(found[2])
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return latitude, longitude
    return None


def place_in_words(place: Mapping[str, Any]) -> str:
    """One line: its name, and where it is."""
    where = f"{place['latitude']:.6f}, {place['longitude']:.6f}"
    return f"📍 {place['title']} ({where})" if place.get("title") else f"📍 {where}"


def map_url(place: Mapping[str, Any]) -> str:
    """Where a map shows it; nothing is asked there before somebody follows the link."""
    latitude, longitude = f"{place['latitude']:.6f}", f"{place['longitude']:.6f}"
    return f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"


def card_in_words(card: str) -> str:
    """The name and the numbers on a contact card (vCard)."""
    lines = [line.partition(":") for line in card.replace("\r", "").split("\n")]
    name = next((value for key, _, value in lines if key.partition(";")[0].upper() == "FN"), "")
    numbers = [v for k, _, v in lines if k.partition(";")[0].rpartition(".")[2].upper() == "TEL"]
    said = ": ".join(part for part in (name.strip(), ", ".join(numbers[:3])) if part)
    return f"👤 {said}"[:300] if said else ""
