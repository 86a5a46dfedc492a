# One site: its gateways and everything they need, in one resource group. Deleting the group removes all of it but the
# rights that were given outside, which Terraform takes back.

locals {
  site  = "skytf-${var.transfer_id}-${var.region}"
  names = { for id in keys(var.gateways) : id => "skytf-${var.transfer_id}-${id}" }

  subscription = lookup(var.facts, "subscription", "")
  # Written out, because the VMs are told of it before Azure has answered.
  group_id = "/subscriptions/${local.subscription}/resourceGroups/${local.site}"
  ssh_port = var.ssh_port == 0 ? 22 : var.ssh_port

  marks = {
    skytf-transfer-id = var.transfer_id
    skytf-owner       = var.owner
    skytf-expires-at  = formatdate("YYYY-MM-DD't'hh-mm-ss'z'", var.expires_at)
  }
  tags = merge(var.tags, local.marks)
  # For what carries no tags.
  description = join(" ", [for name, value in local.marks : "${name}=${value}"])
}

resource "azurerm_resource_group" "site" {
  name     = local.site
  location = var.region
  tags     = local.tags

  lifecycle {
    precondition {
      condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", local.subscription))
      error_message = "The fact `subscription` is the id of the Azure subscription: az account show --query id --output tsv"
    }
    precondition {
      condition     = alltrue([for name in concat([local.site], values(local.names)) : length(name) <= 63])
      error_message = "A name made of transfer id, region and gateway id is longer than 63 characters: ${join(", ", concat([local.site], values(local.names)))}"
    }
    precondition {
      condition     = !var.private_addresses || var.existing_network != ""
      error_message = "Gateways without public addresses need existing_network: a subnet whose routes lead out."
    }
    precondition {
      condition     = var.identity == "" || can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.ManagedIdentity/userAssignedIdentities/[^/]+$", var.identity))
      error_message = "identity is the resource id of a user-assigned identity (/subscriptions/.../userAssignedIdentities/NAME), not ${var.identity}."
    }
    precondition {
      condition     = var.disk_kms_key == "" || can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Compute/diskEncryptionSets/[^/]+$", var.disk_kms_key))
      error_message = "disk_kms_key is the resource id of a disk encryption set (/subscriptions/.../diskEncryptionSets/NAME), not ${var.disk_kms_key}."
    }
    precondition {
      condition     = var.permissions_boundary == ""
      error_message = "Azure has no permissions boundary: leave permissions_boundary empty, or bring an identity."
    }
    precondition {
      condition     = length(var.store_kms_keys) == 0
      error_message = "An Azure storage account opens its keys itself: leave store_kms_keys empty."
    }
  }
}
