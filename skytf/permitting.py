"""What an operator is asked to be allowed: of a cloud as a whole, or for one bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skytf.bundle import Bundle
from skytf.errors import InputError
from skytf.permissions import PHASES, UNKNOWN, needed, needs_of
from skytf.render.permissions import document
from skytf.review import review


@dataclass(frozen=True, slots=True)
class Permissions:
    """
    What must be allowed in one cloud.

    ``actions`` are sorted, in the cloud's own words; ``document`` is the policy that allows them, as JSON, and ``use``
    what to do with it. Words in capitals in it (``BUCKET``, ``SUBSCRIPTION``) are for the reader to fill in.
    """

    cloud: str
    phases: tuple[str, ...]
    actions: tuple[str, ...]
    document: str
    use: str


def permissions(cloud: str, phases: Sequence[str] = (), bundle: Bundle | None = None) -> Permissions:
    """
    Return what the *phases* (all of `PHASES` where none is named) must be allowed to do in *cloud*.

    Raises:
        InputError: There is no such cloud or phase, nothing is known about it, or *bundle* has no gateways there.
        Refused: The plan.json of *bundle* is broken.
    """
    needs = needs_of(cloud)
    if wrong := [one for one in phases if one not in PHASES]:
        raise InputError(f"{wrong[0]!r} is no phase", hint=f"phases: {', '.join(PHASES)}")
    asked = tuple(one for one in PHASES if one in phases) or tuple(PHASES)
    actions = needs.everything(step for one in asked for step in PHASES[one])
    if bundle is not None:
        of_bundle = needed(review(bundle.manifest.request, bundle.topology, bundle.plan_json))
        if cloud not in of_bundle:
            raise InputError(
                f"no gateway of this bundle stands in {cloud}",
                hint=f"it has gateways in {', '.join(of_bundle) or 'no cloud'}",
            )
        actions = tuple(one for one in of_bundle[cloud] if one in actions or one.startswith(UNKNOWN))
    return Permissions(cloud, asked, actions, document(needs, actions, asked), needs.document)
