"""What Terraform says, in one line for people; its diagnostics stay as Terraform wrote them."""

from __future__ import annotations

from skytf.runner.messages import ChangeSummary, Message, Provision, ResourceChange

_DOING = {"create": "creating", "update": "updating", "delete": "destroying", "replace": "replacing", "read": "reading"}
_DONE = {"create": "created", "update": "updated", "delete": "destroyed", "replace": "replaced", "read": "read"}


def words(message: Message) -> str:
    """Return *message* in a few words, empty where it would tell a person nothing."""
    match message:
        case ResourceChange(stage="start" | "progress"):
            return f"{_DOING.get(message.action, message.action)} {message.address}"
        case ResourceChange(stage="complete"):
            return f"{_DONE.get(message.action, message.action)} {message.address}"
        case ResourceChange(stage="errored"):
            return f"failed: {message.address}"
        case Provision(stage="progress"):
            return f"{message.address}: {message.output}"
        case ChangeSummary():
            return f"{message.operation}: {message.add} to add, {message.change} to change, {message.remove} to destroy"
    return ""
