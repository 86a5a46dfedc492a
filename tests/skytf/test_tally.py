"""What this machine asks of stores is kept by end, and bytes that nobody bills it for are not."""

from __future__ import annotations

from skytf.tally import Inquiries


def test_requests_are_kept_by_end_and_operation() -> None:
    inquiries = Inquiries()
    first, again = inquiries.of("job-0-source"), inquiries.of("job-0-source")
    inquiries.of("job-0-destination-0")

    first("list", 2)
    again("list", 1)
    again("head", 1)
    again("read_bytes", 4096)

    assert inquiries.read() == {"job-0-source": {"list": 3, "head": 1}}
