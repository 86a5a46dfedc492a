"""
What the real providers ask a cloud before they plan, answered on loopback.

They want a token, and the images, zones and types that the modules look up; everything else of a plan they know
themselves. Each stand-in is a server on a free port, and the environment that leads a provider to it. AWS's was run
with the real provider; the others follow what the real ones were seen to ask of smaller modules, and were not run yet.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from skytf.clouds.sheet import sheet
from tests.servers import moto_server

_ID = "00000000-0000-4000-8000-00000000000"
_TIME = "2026-01-01T00:00:00Z"
_FAR_S = 4_102_444_800  # the year 2100
_CLOSED = "http://127.0.0.1:9"  # the port "discard": nothing listens there, so whatever is sent there fails at once

_AMI = {
    "ami_id": "ami-0123456789abcdef0",
    "architecture": "x86_64",
    "description": "Ubuntu",
    "hypervisor": "xen",
    "image_location": "location",
    "image_type": "machine",
    "name": "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101",
    "owner_id": "099720109477",
    "platform": None,
    "public": True,
    "root_device_name": "/dev/sda1",
    "root_device_type": "ebs",
    "sriov": "simple",
    "state": "available",
    "virtualization_type": "hvm",
}

Answer = Callable[[str, Mapping[str, str]], Any]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Serve what *answer* makes of path and query as JSON, on a free port of loopback; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            found = answer(parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()})
            body = json.dumps(found if found is not None else {"error": {"message": f"no {self.path}"}}).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, name="stand-in")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def _token(**claims: Any) -> str:
    """Return a token that says *claims*; nobody who gets it here looks at its signature."""
    parts = ({"alg": "RS256", "typ": "JWT"}, {"exp": _FAR_S, "iat": 1, **claims})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(b"signature" * 16).rstrip(b"=").decode()])


@contextmanager
def aws() -> Iterator[dict[str, str]]:
    """Moto, which knows types and zones, and the one image that it is told of."""
    with tempfile.TemporaryDirectory() as directory:
        images = Path(directory) / "images.json"
        images.write_text(json.dumps([_AMI]))
        with moto_server(MOTO_AMIS_PATH=str(images)) as moto:
            yield {
                **moto.environment,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ENDPOINT_URL": moto.endpoint_url,
            }


def google_answer(path: str, query: Mapping[str, str]) -> Any:
    """Answer for compute.googleapis.com, whose base path is ``/compute/v1/``."""
    base = "https://www.googleapis.com/compute/v1"
    if match := re.search(r"/projects/([^/]+)/global/images(/|$)", path):
        image = {
            "archiveSizeBytes": "1",
            "creationTimestamp": _TIME,
            "diskSizeGb": "10",
            "family": "ubuntu-2404-lts-amd64",
            "id": "1",
            "kind": "compute#image",
            "name": "ubuntu-2404-noble-amd64-v20260101",
            "selfLink": f"{base}/projects/{match[1]}/global/images/ubuntu-2404-noble-amd64-v20260101",
            "status": "READY",
        }
        return image if match[2] else {"items": [image]}
    if match := re.search(r"/projects/([^/]+)/zones$", path):
        return {
            "items": [
                {"name": zone, "status": "UP", "region": f"{base}/projects/{match[1]}/regions/{region}"}
                for region, zones in sheet("gcp").regions.items()
                for zone in zones
            ]
        }
    if match := re.search(r"/zones/([^/]+)/machineTypes$", path):
        return {
            "items": [
                {"name": one.name, "guestCpus": one.vcpus, "memoryMb": 1024, "id": "1", "zone": match[1]}
                for one in sheet("gcp").instances.values()
            ]
        }
    return None


@contextmanager
def google() -> Iterator[dict[str, str]]:
    """
    Compute's look-ups.

    The provider also asks who it is, at an address that it lets nobody change: a proxy on a closed port fails that at
    once, and it goes on. Loopback never goes through a proxy.
    """
    with server(google_answer) as address:
        yield {
            "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{address}/compute/v1/",
            "GOOGLE_OAUTH_ACCESS_TOKEN": "token",
            "HTTPS_PROXY": _CLOSED,
        }


def azure_answer(path: str, query: Mapping[str, str]) -> Any:
    """Answer for the endpoint where a VM in Azure gets tokens of its identity."""
    return {
        "access_token": _token(oid=f"{_ID}4", tid=f"{_ID}2", appid=f"{_ID}3"),
        "client_id": f"{_ID}3",
        "expires_in": "86399",
        "expires_on": str(int(time.time()) + 86_399),
        "not_before": "1",
        "resource": query.get("resource", ""),
        "token_type": "Bearer",
    }


@contextmanager
def azure() -> Iterator[dict[str, str]]:
    """A token; the module looks nothing up that was not brought by a user."""
    with server(azure_answer) as address:
        yield {
            "ARM_MSI_ENDPOINT": f"{address}/msi",
            "ARM_TENANT_ID": f"{_ID}2",
            "ARM_USE_CLI": "false",
            "ARM_USE_MSI": "true",
        }


def ibm_answer(path: str, query: Mapping[str, str]) -> Any:
    """Answer for IAM, tagging, resource management and VPC."""
    if "token" in path:
        who = {"id": "IBMid-1", "iam_id": "IBMid-1", "email": "tester@example.invalid", "account": {"bss": "1" * 32}}
        token = _token(iss="https://iam.cloud.ibm.com/identity", **who)
        life = {"expires_in": 3600, "expiration": int(time.time()) + 3600, "token_type": "Bearer"}
        return {"access_token": token, "refresh_token": "token", **life}
    if match := re.search(r"/regions/([^/]+)/zones$", path):
        region = {"name": match[1], "href": "r"}
        names = sheet("ibm").regions[match[1]]
        return {"zones": [{"name": name, "status": "available", "href": "z", "region": region} for name in names]}
    if path.endswith("/instance/profiles"):
        profiles = [
            {"name": one.name, "family": "balanced", "href": "p", "resource_type": "instance_profile"}
            for one in sheet("ibm").instances.values()
        ]
        return {"profiles": profiles, **_page(len(profiles))}
    if path.endswith("/images"):
        return {"images": [_ibm_image()], **_page(1)}
    if "tags" in path or "search" in path:
        return {"items": [], "total_count": 0, "offset": 0, "limit": 100}
    return {}


def _page(count: int) -> dict[str, Any]:
    return {"total_count": count, "limit": 100, "first": {"href": "first"}}


def _ibm_image() -> dict[str, Any]:
    return {
        "catalog_offering": {"managed": False},
        "created_at": _TIME,
        "crn": "crn",
        "encryption": "none",
        "file": {},
        "href": "href",
        "id": "r006-1",
        "name": "ibm-ubuntu-24-04-6-minimal-amd64-3",
        "operating_system": {"name": "ubuntu-24-04-amd64", "architecture": "amd64"},
        "owner_type": "provider",
        "resource_group": {"id": "group", "name": "group", "href": "href"},
        "resource_type": "image",
        "status": "available",
        "status_reasons": [],
        "visibility": "public",
    }


@contextmanager
def ibm() -> Iterator[dict[str, str]]:
    """Everything of IBM Cloud under one address."""
    with server(ibm_answer) as address:
        yield {
            "IBMCLOUD_GS_API_ENDPOINT": address,
            "IBMCLOUD_GT_API_ENDPOINT": address,
            "IBMCLOUD_IAM_API_ENDPOINT": address,
            "IBMCLOUD_IS_NG_API_ENDPOINT": f"{address}/v1",
            "IBMCLOUD_RESOURCE_CONTROLLER_API_ENDPOINT": address,
            "IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT": address,
            "IC_API_KEY": "key",
        }


STAND_INS = {"aws": aws, "azure": azure, "gcp": google, "ibm": ibm}
