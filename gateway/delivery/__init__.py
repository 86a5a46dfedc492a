"""From listed object to receipt: what the source remembers, what the sink writes and confirms."""
