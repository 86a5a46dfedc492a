# Who may reach the gateways. What no rule admits, Google refuses. What goes out is not restricted: a gateway talks to
# stores and gateways whose addresses nobody knows when the rules are made.
#
# The rules aim at a network tag that only this site's gateways carry. A service account would be the stricter target,
# but a gateway without access to a store has none, and the user's own may be that of other machines too.

resource "google_compute_firewall" "ssh" {
  name          = "${local.site}-ssh"
  description   = local.description
  project       = local.network_project
  network       = local.network
  direction     = "INGRESS"
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
  source_ranges = [var.ingress[each.key]]
  target_tags   = [local.site]

  allow {
    protocol = "tcp"
    ports    = [local.data_ports]
  }
}
