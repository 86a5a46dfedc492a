# Who may reach the gateways. What no rule admits, Google refuses; in a network of the user's other rules may admit more,
# such as SSH from everywhere in the network "default", so there a rule of ours comes before them. What goes out is not restricted: a gateway talks to
# stores and gateways whose addresses nobody knows when the rules are made.
#
# The rules aim at a network tag that only this site's gateways carry. A service account would be the stricter target,
# but a gateway without access to a store has none, and the user's own may be that of other machines too.

locals {
  # The smaller comes first. Rules that say nothing else have 1000.
  admit  = 100
  refuse = 101
}

resource "google_compute_firewall" "ssh" {
  name          = "${local.site}-ssh"
  description   = local.description
  project       = local.network_project
  network       = local.network
  direction     = "INGRESS"
  priority      = local.admit
  source_ranges = [var.operator_cidr]
  target_tags   = [local.site]

  allow {
    protocol = "tcp"
    ports    = [tostring(local.ssh_port)]
  }
}

resource "google_compute_firewall" "own" {
  name        = "${local.site}-own"
  description = "The site's gateways among themselves. ${local.description}"
  project     = local.network_project
  network     = local.network
  direction   = "INGRESS"
  priority    = local.admit
  source_tags = [local.site]
  target_tags = [local.site]

  allow {
    protocol = "tcp"
    ports    = [local.data_ports]
  }
}

resource "google_compute_firewall" "ingress" {
  for_each = local.ingress_names

  name          = each.value
  description   = "Gateway ${each.key}. ${local.description}"
  project       = local.network_project
  network       = local.network
  direction     = "INGRESS"
  priority      = local.admit
  source_ranges = [var.ingress[each.key]]
  target_tags   = [local.site]

  allow {
    protocol = "tcp"
    ports    = [local.data_ports]
  }
}

resource "google_compute_firewall" "refuse" {
  count = var.existing_network == "" ? 0 : 1

  name          = "${local.site}-refuse"
  description   = "Nothing else. ${local.description}"
  project       = local.network_project
  network       = local.network
  direction     = "INGRESS"
  priority      = local.refuse
  source_ranges = ["0.0.0.0/0"]
  target_tags   = [local.site]

  deny {
    protocol = "all"
  }
}
