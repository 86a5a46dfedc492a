"""What a client answers to the commands that only look; apart from `fake`, which starts without the real one."""

from __future__ import annotations

from skytf.comparison import Comparison
from skytf.doctor import Check
from skytf.model.difference import Change, Difference
from skytf.reap import Reaped, Unsearched
from skytf.transfers import TransferInfo

TRANSFER = TransferInfo(
    "t-0001", "transferring", "", alive=True, source="/data", destinations=("s3://b/x",), directory="/h"
)
FLEET = Reaped(
    "t-0001", "local", "ann", 4, "2030-01-01T00:00:00Z", client_alive=False, removed=True, reason="client dead"
)
UNSEARCHED = Unsearched("aws", "not signed in to AWS", "aws sso login")
SAME = Comparison("s3://b/x", 13, 1000, (), (), 0, 0)
DIFFERENT = Comparison("s3://b/x", 13, 1000, ("s3://b/x/a",), ("s3://b/x/b",), 1, 1)
DIFFERENCE = Difference(
    "00ff",
    (
        Change("infrastructure", "gateways in aws:us-east-1", "1", "2"),
        Change("cost", "total", "$1,812", "$1,640 (−9 %)"),  # noqa: RUF001  # a minus sign
        Change("exposure", "port 22 of aws:us-east-1, open to", "", "operator"),
        Change("permissions", "gateways in local:a", "read s3://a|b by your keys", ""),
    ),
    ("planned with skytf 1, then with skytf 2",),
)
CHECK = Check("engine", "ok", "terraform 1.11.4")
