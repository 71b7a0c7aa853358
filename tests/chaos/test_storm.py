"""The short storm, with a seed that is the same in every run of CI."""

import pytest

from tests.chaos import storm

SEED = 2026


@pytest.mark.chaos
def test_nothing_is_lost_and_nothing_is_said_twice() -> None:
    verdict = storm.run(storm.short(SEED))
    assert not verdict.wrong, f"seed {verdict.seed}: {verdict}"
    assert any("between send and mark" in act for act in verdict.acts), verdict.acts
