"""What can go wrong with the outside world: try again, or stop."""


class ProviderError(Exception):
    """The vendor failed in a way that may pass: try again, after `retry_after` seconds when it says so.

    `outcome_unknown` is true when what was asked may have been done all the same.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, outcome_unknown: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class ProviderRejected(ProviderError):
    """The vendor said no, and will again: stop, and tell a person the reason."""
