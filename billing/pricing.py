"""What an answer costs, in whole credits. Pure."""

import math
from typing import Protocol

MILLION = 1_000_000
CHARACTERS_A_TOKEN = 3  # on the safe side for Portuguese


class Rates(Protocol):
    """Credits per million tokens of each kind, and the least an answer costs."""

    input_per_million: int
    output_per_million: int
    cache_read_per_million: int
    cache_write_per_million: int
    minimum: int


class AudioRates(Protocol):
    """Credits per hour of speech that is heard."""

    audio_per_hour: int


class ReadingRates(Protocol):
    """Credits per hundred pages that are read."""

    reading_per_hundred_pages: int


class SpokenRates(Protocol):
    """Credits per million characters that are spoken."""

    spoken_per_million: int


class MessageRates(Protocol):
    """Credits for each message by template."""

    per_message: int


class Tokens(Protocol):
    """Tokens of each kind."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cache_read_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...


def cost(rates: Rates, tokens: Tokens) -> int:
    """The credits for these tokens, rounded up once, at least the minimum."""
    millionths = (
        tokens.input_tokens * rates.input_per_million
        + tokens.output_tokens * rates.output_per_million
        + tokens.cache_read_tokens * rates.cache_read_per_million
        + tokens.cache_write_tokens * rates.cache_write_per_million
    )
    return max(rates.minimum, -(-millionths // MILLION))


def estimate(rates: Rates, *, characters: int, max_tokens: int) -> int:
    """The credits to reserve for an answer that reads `characters` and writes at most `max_tokens`."""
    read = -(-characters // CHARACTERS_A_TOKEN)
    dearest = max(rates.input_per_million, rates.cache_write_per_million)
    return max(rates.minimum, -(-(read * dearest + max_tokens * rates.output_per_million) // MILLION))


def audio_cost(rates: AudioRates, seconds: float) -> int:
    """The credits for hearing so many seconds, rounded up once, at least one unless it is free."""
    return -(-math.ceil(seconds) * rates.audio_per_hour // 3600)


def reading_cost(rates: ReadingRates, pages: int) -> int:
    """The credits for reading so many pages, rounded up once, at least one unless it is free."""
    return -(-pages * rates.reading_per_hundred_pages // 100)


def spoken_cost(rates: SpokenRates, characters: int) -> int:
    """The credits for speaking so many characters, rounded up once, at least one unless it is free."""
    return -(-characters * rates.spoken_per_million // MILLION)


def message_cost(rates: MessageRates) -> int:
    """The credits for one message by template."""
    return rates.per_message
