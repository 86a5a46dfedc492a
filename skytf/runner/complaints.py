"""What Terraform itself complains about, whatever the cloud: in which words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skytf.clouds.faults import LOCK, faults_of, gravest
from skytf.clouds.sheet import sheet
from skytf.runner.diagnostics import CHECKS

# `init -lockfile=readonly` where the lock file and what would be installed do not agree (Terraform 1.6 to 1.15).
_MISMATCH = (
    "doesn't match any of the checksums",
    "does not match configured version constraint",
    "the lock file is read-only",
    "provider dependency changes detected",
    "inconsistent dependency lock file",
)
_NO_PROVIDER = (
    "failed to query available provider packages",
    "failed to resolve provider packages",
    "could not retrieve the list of available versions",
    "failed to install provider",
)
_PROVIDER = re.compile(r"\bprovider ([\w.-]+(?:/[\w.-]+)+)")
_SOUGHT = re.compile(r"(?:could not connect to|registry host|registry) ([\w-]+(?:\.[\w-]+)+)|cannot search (\S+?):")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose words they are: Terraform at *path* in *workdir*, with the providers of *clouds*, and maybe a *backend*."""

    path: Path
    workdir: Path
    clouds: Sequence[str]
    backend: str


def is_lock_mismatch(words: Sequence[str]) -> bool:
    """Return whether *words* say that ``.terraform.lock.hcl`` is not what the providers at hand are."""
    plain = _plain(words)
    return any(one in plain for one in _MISMATCH)


def is_lock_broken(words: Sequence[str]) -> bool:
    """Return whether *words* say that ``.terraform.lock.hcl`` cannot be read."""
    return "on .terraform.lock.hcl line" in _plain(words)


def lacks_provider(words: Sequence[str]) -> bool:
    """Return whether *words* say that a provider could not be had."""
    plain = _plain(words)
    return any(one in plain for one in _NO_PROVIDER)


def advice(command: str, words: Sequence[str], speaker: Speaker) -> str:
    """Return what to do about *words*, the diagnostics of *command*; empty where nobody knows."""
    if fault := gravest(faults_of(words, speaker.clouds)):
        if fault.kind == LOCK:
            where = f"{speaker.path} -chdir={speaker.workdir}"
            return fault.hint.replace("terraform force-unlock", f"{where} force-unlock")
        return fault.hint
    if command == "plan" and any(check in text for text in words for check in CHECKS):
        return "nothing was created: change the option that gave this value (docs/cli.md lists them), and plan again"
    if lacks_provider(words):
        return _provider_advice(_plain(words))
    if command == "init" and speaker.backend and words:
        return (
            f"see that the {speaker.backend} backend answers from this machine and that you are signed in to it,"
            " or leave --backend out to keep the state in the transfer's directory"
        )
    return ""


def waits_for(command: str, speaker: Speaker) -> str:
    """Return what *command* probably waits for when it says nothing for long."""
    sheets = [one for one in map(sheet, speaker.clouds) if one.provider is not None]
    named = ", ".join(one.provider.source for one in sheets if one.provider is not None)
    if command == "init":
        backend = f" or waits for the {speaker.backend} backend" if speaker.backend else ""
        return f"it fetches {named or 'what the root module needs'}{backend}"
    if not named:
        return "it waits for a host, or for the lock of the state"
    titles = " and ".join(one.title for one in sheets)
    return f"it waits for {named}, which asks {titles}; what cannot be reached is tried again for minutes"


def _provider_advice(plain: str) -> str:
    name = found[1] if (found := _PROVIDER.search(plain)) else "of the plan"
    match = _SOUGHT.search(plain)
    sought = f"sought at {match[1] or match[2]}" if match else "sought where Terraform's configuration says"
    return (
        f"provider {name} was {sought}: let this machine reach the registry, or set TF_CLI_CONFIG_FILE to a file that"
        " names a mirror which has it (terraform providers mirror makes one)"
    )


def _plain(words: Sequence[str]) -> str:
    """Return *words* without case and without the line breaks that Terraform puts in for a terminal."""
    return " ".join(" ".join(words).lower().split())
