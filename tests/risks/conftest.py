"""The shop of the conversations' tests, for the checks of docs/risks.md."""

from tests.conversations.conftest import (  # noqa: F401
    _cloud,
    _gateway,
    _models,
    cloud,
    gateway,
    models,
    shop,
)
