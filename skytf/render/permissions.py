"""What an operator must be allowed, as the document that a cloud takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from skytf.permissions import Needs
from skytf.render.templates import fill
from skytf.resources import terraform_dir

_TEMPLATE = "permissions.json.j2"


def document(needs: Needs, actions: Sequence[str], phases: Iterable[str]) -> str:
    """Return the policy document that allows *actions*, as JSON; of a cloud that has no form for one their list."""
    if not (terraform_dir() / needs.cloud / _TEMPLATE).is_file():
        return json.dumps(list(actions), indent=2)
    text = fill(
        f"{needs.cloud}/{_TEMPLATE}",
        actions=list(actions),
        statements=needs.statements(actions),
        phases=", ".join(phases),
    )
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
