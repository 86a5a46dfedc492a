"""Values that look like those of the real clouds: ids, names, addresses."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from tests.provider.values import Path, Values
from tests.provider.wire import is_unknown
from tests.provider.world import World

ACCOUNT = "123456789012"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
PROJECT = "example-project"
_TIME = "2026-01-01T00:00:00Z"

# Computed attributes that repeat others.
_COPIES = {"tags_all": "tags", "terraform_labels": "labels", "effective_labels": "labels"}
_ADDRESSED = (
    *("aws_instance", "aws_eip", "google_compute_instance", "google_compute_address"),
    *("azurerm_linux_virtual_machine", "azurerm_public_ip", "azurerm_network_interface"),
    *("ibm_is_instance", "ibm_is_floating_ip", "ibm_is_virtual_network_interface"),
)
_ADDRESSES = frozenset(
    {"address", "ip_address", "nat_ip", "network_ip", "primary_ipv4_address", "private_ip", "private_ip_address"}
    | {"private_ip_addresses", "public_ip", "public_ip_address", "public_ip_addresses"}
)
_AWS_PREFIXES = {
    "aws_ami": "ami",
    "aws_ec2_fleet": "fleet",
    "aws_eip": "eipalloc",
    "aws_instance": "i",
    "aws_internet_gateway": "igw",
    "aws_launch_template": "lt",
    "aws_route": "r",
    "aws_route_table": "rtb",
    "aws_route_table_association": "rtbassoc",
    "aws_security_group": "sg",
    "aws_spot_instance_request": "sir",
    "aws_subnet": "subnet",
    "aws_vpc": "vpc",
    "aws_vpc_endpoint": "vpce",
    "aws_vpc_security_group_egress_rule": "sgr",
    "aws_vpc_security_group_ingress_rule": "sgr",
}
_AWS_PARTS = {
    "security_group": "sg",
    "route_table": "rtb",
    "network_acl": "acl",
    "network_interface": "eni",
    "dhcp_options": "dopt",
    "allocation": "eipalloc",
    "association": "eipassoc",
    "volume": "vol",
    "vpc": "vpc",
    "subnet": "subnet",
}
_AZURE_TYPES = {
    "azurerm_linux_virtual_machine": "Microsoft.Compute/virtualMachines",
    "azurerm_network_interface": "Microsoft.Network/networkInterfaces",
    "azurerm_network_security_group": "Microsoft.Network/networkSecurityGroups",
    "azurerm_proximity_placement_group": "Microsoft.Compute/proximityPlacementGroups",
    "azurerm_public_ip": "Microsoft.Network/publicIPAddresses",
    "azurerm_ssh_public_key": "Microsoft.Compute/sshPublicKeys",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_virtual_network": "Microsoft.Network/virtualNetworks",
}
_AZURE_CHILDREN = {
    "azurerm_network_security_rule": ("network_security_group", "securityRules"),
    "azurerm_subnet": ("virtual_network", "subnets"),
    "azurerm_virtual_network_peering": ("virtual_network", "virtualNetworkPeerings"),
}
_GOOGLE_COLLECTIONS = {
    "google_compute_address": "addresses",
    "google_compute_disk": "disks",
    "google_compute_firewall": "firewalls",
    "google_compute_image": "images",
    "google_compute_instance": "instances",
    "google_compute_network": "networks",
    "google_compute_router": "routers",
    "google_compute_subnetwork": "subnetworks",
}


class Inventor:
    """
    What a cloud would have answered about one resource, or to one data source.

    Args:
        world: Knows the addresses.
        kind: Type of the resource or data source.
        values: What is known of it.
        settings: The provider's own arguments.
        seed: Makes it different from all others.
    """

    def __init__(self, world: World, kind: str, values: Values, settings: Values, seed: str) -> None:
        self._world = world
        self._kind = kind
        self._values = {name: value for name, value in values.items() if not is_unknown(value)}
        self._settings = settings
        self._seed = seed

    @property
    def name(self) -> str:
        """What it is called; empty where it has no name."""
        tags = self._values.get("tags")
        tagged = tags.get("Name") if isinstance(tags, dict) else None
        for candidate in (self._values.get("name"), tagged, self._values.get("account_id")):
            if isinstance(candidate, str) and candidate:
                return candidate
        return ""

    def id(self) -> str:
        """Return an id in the form that the cloud uses."""
        provider = self._kind.partition("_")[0]
        if provider == "aws":
            return self._aws_id()
        if provider == "google":
            return self._google_id()
        if provider == "azurerm":
            return self._azure_id()
        if self._kind.startswith("ibm_is_"):
            return f"r014-{self._uuid('id')}"
        return self._uuid("id")

    def __call__(self, path: Path, kind: Any) -> Any:
        """Return a value for the attribute at *path*, of Terraform's type *kind*."""
        name = path[-1]
        if len(path) == 1 and name in _COPIES and self._values.get(_COPIES[name]) is not None:
            return self._values[_COPIES[name]]
        if self._kind in _ADDRESSED and name in _ADDRESSES:
            address = self._address(name)
            return [address] if isinstance(kind, list) else address
        if kind == "string":
            return self._text(path)
        if isinstance(kind, list) and kind[0] == "object":
            return {key: self((*path, key), of) for key, of in kind[1].items()}
        if isinstance(kind, list):
            return {} if kind[0] == "map" else []
        return {"number": 0, "bool": False}.get(kind, "")

    def _address(self, name: str) -> str:
        if name.startswith("public") and self._values.get("associate_public_ip_address") is False:
            return ""
        return self._world.address(self.name or self._seed)

    def _text(self, path: Path) -> str:
        name = path[-1]
        makers: dict[str, Callable[[], str]] = {
            "arn": lambda: f"arn:aws:{self._service()}::{ACCOUNT}:{self.name or self.id()}",
            "crn": lambda: f"crn:v1:bluemix:public:is:{self._region()}:a/{ACCOUNT}::{self._service()}:{self.id()}",
            "owner_id": lambda: ACCOUNT,
            "project": self._project,
            "region": self._region,
            "self_link": lambda: f"https://www.googleapis.com/compute/v1/{self.id()}",
            "tenant_id": lambda: TENANT,
            **dict.fromkeys(("created_at", "creation_timestamp", "create_date"), lambda: _TIME),
        }
        if self._kind == "google_service_account":
            makers |= {"email": self._email, "member": lambda: f"serviceAccount:{self._email()}", "name": self.id}
        if path == ("id",):
            return self.id()
        return makers[name]() if name in makers else self._token(name)

    def _service(self) -> str:
        return self._kind.partition("_")[2].replace("_", "-")

    def _token(self, name: str) -> str:
        if self._kind.startswith("aws_"):
            for part, prefix in _AWS_PARTS.items():
                if name.endswith("_id") and part in name:
                    return f"{prefix}-{self._hex(name)}"
        if name.endswith("id"):  # of whatever: client_id, principal_id, guid
            return self._uuid(name)
        # Optional ones too come here: the real providers leave them empty.
        return ""

    def _aws_id(self) -> str:
        if prefix := _AWS_PREFIXES.get(self._kind):
            return f"{prefix}-{self._hex('id')}"
        for name in ("name", "key_name", "bucket"):
            if value := self._values.get(name):
                return str(value)
        return self._hex("id")

    def _google_id(self) -> str:
        project = self._project()
        if self._kind == "google_service_account":
            return f"projects/{project}/serviceAccounts/{self._email()}"
        if collection := _GOOGLE_COLLECTIONS.get(self._kind):
            name = self.name or self._hex("id")
            zone, region = self._values.get("zone"), self._values.get("region")
            place = "global"
            if isinstance(zone, str):
                place = f"zones/{zone}"
            elif collection in ("addresses", "routers", "subnetworks"):
                place = f"regions/{region if isinstance(region, str) else self._region()}"
            return f"projects/{project}/{place}/{collection}/{name}"
        return f"{project}/{self.name or self._hex('id')}/{self._hex('id')[:6]}"

    def _azure_id(self) -> str:
        subscription = self._settings.get("subscription_id") or SUBSCRIPTION
        group = self._values.get("resource_group_name") or self.name or "group"
        root = f"/subscriptions/{subscription}"
        if self._kind == "azurerm_resource_group":
            return f"{root}/resourceGroups/{group}"
        if child := _AZURE_CHILDREN.get(self._kind):
            parent, collection = child
            above = self._values.get(f"{parent}_name") or parent
            kind = _AZURE_TYPES[f"azurerm_{parent}"]
            return f"{root}/resourceGroups/{group}/providers/{kind}/{above}/{collection}/{self.name}"
        if kind := _AZURE_TYPES.get(self._kind, ""):
            return f"{root}/resourceGroups/{group}/providers/{kind}/{self.name}"
        return f"{root}/providers/Microsoft.Resources/{self._kind[8:]}/{self._uuid('id')}"

    def _email(self) -> str:
        return f"{self.name}@{self._project()}.iam.gserviceaccount.com"

    def _project(self) -> str:
        return str(self._values.get("project") or self._settings.get("project") or PROJECT)

    def _region(self) -> str:
        return str(self._settings.get("region") or "")

    def _hex(self, name: str) -> str:
        return hashlib.sha256(f"{self._kind}/{self._seed}/{name}".encode()).hexdigest()[:17]

    def _uuid(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._kind}/{self._seed}/{name}"))
