# The gateways of one site in Google Cloud: VMs in one zone, behind one address each.

locals {
  ssh_port   = var.ssh_port == 0 ? 22 : var.ssh_port
  data_ports = "${var.data_ports.from}-${var.data_ports.to}"

  site          = "skytf-${var.transfer_id}-${var.region}"
  gateway_names = { for id in keys(var.gateways) : id => "skytf-${var.transfer_id}-${id}" }
  ingress_names = { for id in keys(var.ingress) : id => "${local.site}-in-${substr(sha256(id), 0, 7)}" }
  # All as long as these. Not the ingress names: Terraform would look up nothing before the other clouds' gateways stand.
  names = concat(["${local.site}-in-0000000"], values(local.gateway_names))

  # Labels know lower-case letters, digits, - and _, and 63 of them.
  labels = merge(
    {
      for name, text in var.tags :
      substr(replace(lower(name), "/[^a-z0-9_-]/", "-"), 0, 63) => substr(replace(lower(text), "/[^a-z0-9_-]/", "-"), 0, 63)
    },
    {
      skytf-transfer-id = var.transfer_id
      skytf-owner       = substr(replace(lower(var.owner), "/[^a-z0-9_-]/", "-"), 0, 63)
      skytf-expires-at  = formatdate("YYYY-MM-DD't'hh-mm-ss'z'", var.expires_at)
    },
  )

  # For what carries no labels.
  description = join(" ", [for name in ["skytf-transfer-id", "skytf-owner", "skytf-expires-at"] : "${name}=${local.labels[name]}"])

  # Newer series know no other disks, older ones not these.
  disk_type = can(regex("^(c4|c4a|c4d|n4|n4a|n4d)-", local.place.instance_type)) ? "hyperdisk-balanced" : "pd-balanced"
}

resource "google_compute_instance" "gateway" {
  #checkov:skip=CKV_GCP_34:one key for one transfer comes with the user data; accounts of people have no business here
  #checkov:skip=CKV_GCP_38:disks are always encrypted, with the user's key where disk_kms_key names one
  #checkov:skip=CKV_GCP_40:gateways of other clouds dial these; private_addresses leaves the public ones out
  for_each = var.gateways

  name         = local.gateway_names[each.key]
  description  = local.description
  project      = local.project
  zone         = local.place.zone
  machine_type = local.place.instance_type
  labels       = merge(local.labels, { skytf-gateway = each.key })
  tags         = [local.site]

  can_ip_forward      = false
  deletion_protection = false

  boot_disk {
    auto_delete       = true
    kms_key_self_link = var.disk_kms_key != "" ? var.disk_kms_key : null

    initialize_params {
      image  = local.image
      size   = var.disk_gib
      type   = local.disk_type
      labels = merge(local.labels, { skytf-gateway = each.key })
    }
  }

  network_interface {
    subnetwork = local.subnetwork
    nic_type   = "GVNIC"

    dynamic "access_config" {
      for_each = var.private_addresses ? [] : ["public"]
      content {
        network_tier = "PREMIUM"
      }
    }
  }

  dynamic "service_account" {
    for_each = local.makes_account || var.identity != "" ? ["given"] : []
    content {
      email  = local.account
      scopes = ["https://www.googleapis.com/auth/${local.scope}"]
    }
  }

  # The API's own limit: it deletes the VM, whatever became of it and of the operator. A gateway that died is not
  # started again: others took over its work.
  scheduling {
    provisioning_model          = var.spot ? "SPOT" : "STANDARD"
    preemptible                 = var.spot
    automatic_restart           = false
    on_host_maintenance         = var.spot ? "TERMINATE" : "MIGRATE"
    instance_termination_action = "DELETE"

    max_run_duration {
      seconds = var.ttl_minutes * 60
    }
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  metadata = {
    block-project-ssh-keys = "true"
    enable-oslogin         = "FALSE"
    serial-port-enable     = "FALSE"

    # The timer in the VM must come after the API's limit. A VM that turned itself off is only stopped: its limit is
    # void and its disk stays. So the timer counts from the latest moment at which this VM can have been created.
    user-data = templatefile("${path.module}/../shared/cloud-init.yaml.tftpl", {
      ssh_public_key = var.ssh_public_key
      host_key       = lookup(var.host_keys, each.key, "")
      ssh_port       = local.ssh_port
      ttl_minutes    = var.ttl_minutes + 5
      expires_at     = timeadd(var.expires_at, "${var.ttl_minutes}m")
      end_command    = "systemctl poweroff"
    })
  }

  # No gateway runs before it is closed.
  depends_on = [google_compute_firewall.refuse]

  lifecycle {
    precondition {
      condition     = contains(nonsensitive(keys(var.host_keys)), each.key)
      error_message = "There is no bootstrap host key for gateway ${each.key}."
    }
    # A newer image is no reason to replace a gateway that works.
    ignore_changes = [boot_disk[0].initialize_params[0].image]
  }
}
