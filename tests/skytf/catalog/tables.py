"""Write a user's tables."""

from __future__ import annotations

from pathlib import Path

HEADINGS = {
    "addresses": "cloud,region,usd_per_hour,date,source",
    "disks": "cloud,region,disk_type,usd_per_gb_month,date,source",
    "egress": "cloud,from,to,scope,tier_from_gb,tier_to_gb,usd_per_gb,date,source",
    "groups": "cloud,region,group,date,source",
    "instance_prices": "cloud,region,instance_type,usd_per_hour,usd_per_hour_spot,date,source",
    "regions": "cloud,region,place,latitude,longitude,continent,date,source",
    "requests": "cloud,region,storage_class,operation,usd_per_1000,date,source",
    "rtt": "from,to,rtt_ms,date,source",
    "stores": "scheme,cloud,storage_class,priced_as,date,source",
    "throughput": "from,to,addresses,gbps,date,source",
    "timings": "phase,low_s,high_s,date,source",
}


def table(directory: Path, name: str, *rows: str, heading: str = "") -> Path:
    """Write ``<name>.csv`` into *directory*, which is made if need be; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.csv"
    path.write_text("\n".join([heading or HEADINGS[name], *rows, ""]), encoding="utf-8")
    return path
