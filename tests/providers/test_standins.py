"""The stand-ins answer what the modules look up, with what the modules accept."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import requests

from skytf.clouds.sheet import sheet
from skytf.resources import terraform_dir
from tests.providers.standins import azure, google, ibm


def ask(url: str, *, method: str = "GET") -> Any:
    """Return the answer to a request that no proxy of this machine sees."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, timeout=10)
    answer.raise_for_status()
    return answer.json()


def claims(token: str) -> dict[str, Any]:
    """Return what a token says, read as the providers read it: three parts, without padding."""
    body = token.split(".")[1]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said


def test_google_has_the_zones_types_and_images_that_the_module_looks_up() -> None:
    with google() as environment:
        base = f"{environment['GOOGLE_COMPUTE_CUSTOM_ENDPOINT']}projects"
        zones = ask(f"{base}/p/zones?filter=status")["items"]
        types = ask(f"{base}/p/zones/us-central1-a/machineTypes")["items"]
        family = ask(f"{base}/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64")
        images = ask(f"{base}/ubuntu-os-cloud/global/images?filter=x")["items"]

    assert {one["name"] for one in zones if one["region"].endswith("/us-central1")} == set(
        sheet("gcp").regions["us-central1"]
    )
    assert set(sheet("gcp").default_instances) <= {one["name"] for one in types}
    assert images == [family]


def test_azure_gives_a_token_that_says_whose_it_is() -> None:
    with azure() as environment:
        token = ask(f"{environment['ARM_MSI_ENDPOINT']}?resource=r")

    assert claims(token["access_token"])["tid"] == environment["ARM_TENANT_ID"]
    assert token["resource"] == "r"


def test_ibm_has_a_token_zones_profiles_and_an_image_that_the_module_takes() -> None:
    region, zones = next(iter(sheet("ibm").regions.items()))
    placement = (terraform_dir() / "ibm" / "placement.tf").read_text()
    with ibm() as environment:
        vpc = environment["IBMCLOUD_IS_NG_API_ENDPOINT"]
        token = ask(f"{environment['IBMCLOUD_IAM_API_ENDPOINT']}/identity/token", method="POST")
        found = ask(f"{vpc}/regions/{region}/zones")["zones"]
        profiles = ask(f"{vpc}/instance/profiles")["profiles"]
        (image,) = ask(f"{vpc}/images?status=available")["images"]

    assert claims(token["access_token"])["account"]
    assert tuple(one["name"] for one in found) == zones
    assert set(sheet("ibm").default_instances) <= {one["name"] for one in profiles}
    wanted = re.search(r'can\(regex\("(\^ibm-ubuntu[^"]+)"', placement)
    assert wanted is not None
    assert re.search(wanted[1].replace("\\\\", "\\"), image["name"])
