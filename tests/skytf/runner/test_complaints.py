from __future__ import annotations

from pathlib import Path

import pytest

from skytf.runner.complaints import Speaker, advice, is_lock_mismatch, waits_for

SPEAKER = Speaker(Path("/bin/terraform"), Path("/work/x"), ("aws", "local"), "")
NO_REGISTRY = """Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
could not connect to registry.terraform.io: failed to request discovery
document: dial tcp: lookup registry.terraform.io: no such host"""
NO_MIRROR = """Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider
hashicorp/google: cannot search /srv/mirror: lstat /srv/mirror: no such file"""


@pytest.mark.parametrize(
    ("words", "provider", "sought"),
    [(NO_REGISTRY, "hashicorp/aws", "registry.terraform.io"), (NO_MIRROR, "hashicorp/google", "/srv/mirror")],
)
def test_a_provider_that_is_not_found_is_named_with_where_it_was_sought(words: str, provider: str, sought: str) -> None:
    text = advice("init", [words], SPEAKER)

    assert text.startswith(f"provider {provider} was sought at {sought}:")
    assert "TF_CLI_CONFIG_FILE" in text


def test_a_backend_that_does_not_answer_is_named() -> None:
    words = "Error: Error loading state: Failed to get state: connection refused"
    speaker = Speaker(Path("/bin/terraform"), Path("/work/x"), (), "http")

    assert "the http backend answers" in advice("init", [words], speaker)
    assert advice("init", [words], SPEAKER) == ""


def test_a_lock_is_let_go_by_the_engine_that_is_in_use() -> None:
    words = "Error: Error acquiring the state lock\nLock Info:\n  ID:        4095\n  Who:       ann@laptop\n"

    assert advice("apply", [words], SPEAKER).endswith("/bin/terraform -chdir=/work/x force-unlock 4095")


def test_a_lock_file_that_does_not_match_is_known_across_line_breaks() -> None:
    assert is_lock_mismatch(["the current package for x doesn't match\nany of the checksums previously recorded"])
    assert not is_lock_mismatch([NO_REGISTRY])


def test_a_silence_says_whose_provider_is_waited_for() -> None:
    assert waits_for("plan", SPEAKER).startswith("it waits for hashicorp/aws, which asks ")
    assert waits_for("init", SPEAKER) == "it fetches hashicorp/aws"
