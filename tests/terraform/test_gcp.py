"""terraform/gcp: what its own tests say, and what Python reads beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skytf.clouds.faults import classify
from skytf.clouds.sheet import sheet
from skytf.resources import terraform_dir
from skytf.runner.shim import library_path
from tests.provider.world import World
from tests.terraform.real import Terraform

_MODULE = terraform_dir() / "gcp"


@pytest.mark.skipif(library_path() is None, reason="the engine is not installed: pip install 'skytf[engine]'")
def test_the_modules_own_tests_pass(tmp_path: Path, provider_config: Path, world: World) -> None:
    terraform = Terraform(tmp_path / "root", provider_config, world.environment())
    module = terraform.module("gcp")
    terraform.run("init", at=module)

    terraform.run("validate", at=module)
    said = terraform.run("test", at=module)

    assert re.search(r"Success! \d{2} passed, 0 failed", said), said


def test_the_module_and_its_tables_agree() -> None:
    known = sheet("gcp")
    placement = (_MODULE / "placement.tf").read_text()

    defaults = re.search(r"instance_types = .* : \[(.*)\]", placement)

    assert defaults is not None
    assert tuple(re.findall(r'"([^"]+)"', defaults[1])) == known.default_instances
    assert set(known.default_instances) <= set(known.instances)
    assert known.regions["us-central1"] == (
        *("us-central1-a", "us-central1-b", "us-central1-c", "us-central1-d", "us-central1-f"),
    )


_SAID = {
    "capacity": (
        "Error waiting for instance to create: The zone 'projects/p/zones/us-east1-b' does not have enough resources "
        "available to fulfill the request.  Try a different zone, or try again later.",
        "Error creating instance: googleapi: Error 503: The zone 'projects/p/zones/us-east1-b' does not have enough "
        "resources available to fulfill the request. '(resource type:compute)'., ZONE_RESOURCE_POOL_EXHAUSTED",
        "Error creating instance: googleapi: Error 400: Invalid value for field 'resource.machineType': 'm'. Machine "
        "type with name 'n2-standard-16' does not exist in zone 'us-east1-b'., invalid",
    ),
    "quota": (
        "Error waiting for instance to create: Quota 'CPUS' exceeded.  Limit: 24.0 in region us-east1.",
        "Error creating instance: googleapi: Error 403: Quota 'N2_CPUS' exceeded.  Limit: 8.0 in region us-east1., "
        "quotaExceeded",
    ),
    "propagation": (
        'Error applying IAM policy for storage bucket "b/inn": googleapi: Error 400: Service account '
        "skytf-0a1b2c@example-project.iam.gserviceaccount.com does not exist., invalid",
        "Error creating instance: googleapi: Error 400: The resource "
        "'projects/p/serviceAccounts/skytf-0a@p.iam.gserviceaccount.com' was not found, invalid",
    ),
    "signed-out": (
        "Attempted to load application default credentials since neither `credentials` nor `access_token` was set in "
        "the provider block.  No credentials loaded. To use your gcloud credentials, run 'gcloud auth "
        "application-default login'",
        "google: could not find default credentials. See https://cloud.google.com/docs/authentication",
        'oauth2: "invalid_grant" "reauth related error (invalid_rapt)"',
        "googleapi: Error 401: Request had invalid authentication credentials., authError",
    ),
    "denied": (
        "googleapi: Error 403: Required 'compute.networks.create' permission for 'projects/p/global/networks/n', "
        "forbidden",
        "googleapi: Error 403: a@example.org does not have storage.buckets.setIamPolicy access to the Google Cloud "
        "Storage bucket. Permission 'storage.buckets.setIamPolicy' denied on resource., forbidden",
        "googleapi: Error 403: Compute Engine API has not been used in project 1 before or it is disabled. "
        "reason: SERVICE_DISABLED, accessNotConfigured",
    ),
    "gone": (
        "googleapi: Error 404: The resource 'projects/p/global/networks/skytf-t1-us-east1' was not found, notFound",
    ),
    "conflict": (
        "googleapi: Error 409: The resource 'projects/p/global/networks/skytf-t1-us-east1' already exists, "
        "alreadyExists",
        "googleapi: Error 400: The network resource 'projects/p/global/networks/n' is already being used by "
        "'projects/p/global/firewalls/f', resourceInUseByAnotherResource",
    ),
}


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for kind, all_ in _SAID.items() for said in all_])
def test_a_fault_is_known_by_googles_own_words(kind: str, said: str) -> None:
    fault = classify("gcp", f"Error: {said}\n\n  with module.gcp-us-east1.google_compute_instance.gateway")

    assert fault is not None
    assert (fault.kind, fault.site) == (kind, "gcp-us-east1")
    assert fault.hint
