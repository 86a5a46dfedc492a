# The gateways of one site in IBM Cloud: instances in one zone, behind one floating IP each.

locals {
  ssh_port = var.ssh_port == 0 ? 22 : var.ssh_port

  site          = "skytf-${var.transfer_id}-${var.region}"
  gateway_names = { for id in keys(var.gateways) : id => "skytf-${var.transfer_id}-${id}" }
  ingress_names = { for id in keys(var.ingress) : id => "in-${id}" }
  # Not the ingress names: Terraform would look up nothing before the other clouds' gateways stand.
  names = concat([local.site], [for name in values(local.gateway_names) : "${name}-boot"])

  # A tag is one text, in lower case.
  labels = merge(
    { for name, text in var.tags : replace(lower(name), "/[^a-z0-9_.-]/", "-") => replace(lower(text), "/[^a-z0-9_. -]/", "-") },
    {
      skytf-transfer-id = var.transfer_id
      skytf-owner       = replace(lower(var.owner), "/[^a-z0-9_.-]/", "-")
      skytf-expires-at  = formatdate("YYYY-MM-DD't'hh-mm-ss'z'", var.expires_at)
    },
  )
  tags = [for name, text in local.labels : substr("${name}:${text}", 0, 128)]

  # For what carries no tags.
  description = join(" ", [for name in ["skytf-transfer-id", "skytf-owner", "skytf-expires-at"] : "${name}=${local.labels[name]}"])
}

# IBM Cloud makes no instance without a key; who logs in is cloud-init's business.
resource "ibm_is_ssh_key" "operator" {
  name           = local.site
  resource_group = local.resource_group
  public_key     = var.ssh_public_key
  type           = startswith(var.ssh_public_key, "ssh-ed25519 ") ? "ed25519" : "rsa"
  tags           = local.tags
}

resource "ibm_is_instance" "gateway" {
  for_each = var.gateways

  name           = local.gateway_names[each.key]
  resource_group = local.resource_group
  vpc            = local.vpc
  zone           = local.place.zone
  profile        = local.place.instance_type
  image          = local.image
  keys           = [ibm_is_ssh_key.operator.id]
  tags           = concat(local.tags, ["skytf-gateway:${each.key}"])

  # Always encrypted: with the user's key, or IBM's own. Stock images are 100 GB large.
  boot_volume {
    name               = "${local.gateway_names[each.key]}-boot"
    size               = max(100, var.disk_gib)
    encryption         = var.disk_kms_key != "" ? var.disk_kms_key : null
    auto_delete_volume = true
    tags               = concat(local.tags, ["skytf-gateway:${each.key}"])
  }

  primary_network_interface {
    name              = "primary"
    subnet            = local.subnet
    security_groups   = [ibm_is_security_group.gateways.id]
    allow_ip_spoofing = false

    primary_ip {
      auto_delete = true
    }
  }

  metadata_service {
    enabled            = true
    protocol           = "https"
    response_hop_limit = 1
  }
  default_trusted_profile_target    = local.profile
  default_trusted_profile_auto_link = true

  dynamic "availability" {
    for_each = var.spot ? ["spot"] : []
    content {
      class = availability.value
    }
  }

  # A gateway that died is not started again: others took over its work.
  availability_policy {
    host_failure = "stop"
    preemption   = var.spot ? "delete" : null
  }

  user_data = templatefile("${path.module}/../shared/cloud-init.yaml.tftpl", {
    ssh_public_key = var.ssh_public_key
    host_key       = lookup(var.host_keys, each.key, "")
    ssh_port       = local.ssh_port
    ttl_minutes    = var.ttl_minutes
    expires_at     = var.expires_at
    end_command    = templatefile("${path.module}/end.sh.tftpl", { region = var.region })
  })

  lifecycle {
    precondition {
      condition     = contains(nonsensitive(keys(var.host_keys)), each.key)
      error_message = "There is no bootstrap host key for gateway ${each.key}."
    }
    # A newer image is no reason to replace a gateway that works.
    ignore_changes = [image]
  }
}
