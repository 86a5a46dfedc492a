# The VMs.

locals {
  default_image = "Canonical:ubuntu-24_04-lts:${var.arch == "arm64" ? "server-arm64" : "server"}:latest"
  image         = var.image == "" ? local.default_image : var.image
  # Else it is publisher, offer, SKU and version.
  image_by_id = startswith(local.image, "/")
  image_parts = split(":", local.image)

  user_data = {
    for id, name in local.names : id => templatefile("${path.module}/../shared/cloud-init.yaml.tftpl", {
      ssh_public_key = var.ssh_public_key
      host_key       = lookup(var.host_keys, id, "")
      ssh_port       = local.ssh_port
      ttl_minutes    = var.ttl_minutes
      expires_at     = var.expires_at
      end_command = templatefile("${path.module}/end.sh.tftpl", {
        expires_at = formatdate("YYYY-MM-DD'T'hh:mm:ssZ", var.expires_at)
        group_id   = local.group_id
        name       = name
      })
    })
  }
}

resource "azurerm_linux_virtual_machine" "gateway" {
  for_each = local.names

  name                  = each.value
  location              = azurerm_resource_group.site.location
  resource_group_name   = azurerm_resource_group.site.name
  size                  = local.type
  zone                  = local.zone
  network_interface_ids = [azurerm_network_interface.gateway[each.key].id]
  tags                  = merge(local.tags, { skytf-gateway = each.key })

  # Azure wants to know who logs in; cloud-init makes that user, with fewer rights than Azure's own would have.
  admin_username                  = "skytf"
  disable_password_authentication = true
  custom_data                     = base64encode(local.user_data[each.key])

  # Trusted launch: only signed boot loaders and kernels, measured. Azure's ARM images do not all have it.
  secure_boot_enabled = var.arch == "x86_64"
  vtpm_enabled        = var.arch == "x86_64"
  # Nothing but cloud-init configures a gateway: neither extensions nor Azure's run command.
  allow_extension_operations = false
  # Disks are encrypted in any case; this encrypts caches too, where the subscription has the feature.
  encryption_at_host_enabled = lookup(var.facts, "encryption_at_host", "") == "Registered"

  priority        = var.spot ? "Spot" : "Regular"
  eviction_policy = var.spot ? "Delete" : null
  max_bid_price   = var.spot ? -1 : null

  source_image_id = local.image_by_id ? local.image : null

  admin_ssh_key {
    username   = "skytf"
    public_key = var.ssh_public_key
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [local.identity_id]
  }

  os_disk {
    name                   = each.value
    caching                = "ReadOnly"
    storage_account_type   = "StandardSSD_LRS"
    disk_size_gb           = var.disk_gib
    disk_encryption_set_id = var.disk_kms_key == "" ? null : var.disk_kms_key
  }

  dynamic "source_image_reference" {
    for_each = local.image_by_id ? [] : [local.image_parts]
    content {
      publisher = source_image_reference.value[0]
      offer     = try(source_image_reference.value[1], "")
      sku       = try(source_image_reference.value[2], "")
      version   = try(source_image_reference.value[3], "")
    }
  }

  # No gateway runs before its firewall is closed.
  depends_on = [
    azurerm_network_interface_security_group_association.gateway,
    azurerm_network_security_rule.deny,
  ]

  lifecycle {
    precondition {
      condition     = contains(nonsensitive(keys(var.host_keys)), each.key)
      error_message = "There is no bootstrap host key for gateway ${each.key}."
    }
    precondition {
      condition     = can(regex("^ssh-(ed25519|rsa) ", var.ssh_public_key))
      error_message = "Azure takes SSH keys of the types ed25519 and rsa."
    }
    precondition {
      condition     = alltrue([for zone in var.zones : contains(local.region_zones, zone)])
      error_message = "The region ${var.region} has ${length(local.region_zones) == 0 ? "no zones" : "the zones ${join(", ", local.region_zones)}"}, not ${join(", ", var.zones)}."
    }
    precondition {
      condition     = length(local.types) > 0
      error_message = "Name the instance types: Azure has no default with an ARM processor."
    }
    precondition {
      condition     = local.image_by_id || length(local.image_parts) == 4
      error_message = "An image of Azure is PUBLISHER:OFFER:SKU:VERSION or the resource id of an image."
    }
    precondition {
      condition     = var.disk_gib >= 30
      error_message = "A gateway's disk in Azure has 30 GiB or more: that is what the image has."
    }
  }
}
