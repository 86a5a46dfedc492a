# A network of the fleet's own, without a single rule, or a subnetwork of the user's.

locals {
  network    = var.existing_network == "" ? google_compute_network.own[0].id : data.google_compute_subnetwork.existing[0].network
  subnetwork = var.existing_network == "" ? google_compute_subnetwork.own[0].id : data.google_compute_subnetwork.existing[0].self_link

  # Of a shared VPC the rules stand in the host project.
  network_project = try(regex("projects/([^/]+)/", data.google_compute_subnetwork.existing[0].network)[0], local.project)
}

resource "google_compute_network" "own" {
  count = var.existing_network == "" ? 1 : 0

  name                    = local.site
  description             = local.description
  project                 = local.project
  auto_create_subnetworks = false
}

# Flow logs would cost as much as a part of the transfer, for a network that lives as long as one.
#checkov:skip=CKV_GCP_26:see above
#checkov:skip=CKV_GCP_76:the subnetwork has no IPv6 addresses
resource "google_compute_subnetwork" "own" {
  count = var.existing_network == "" ? 1 : 0

  name          = local.site
  description   = local.description
  project       = local.project
  region        = var.region
  network       = google_compute_network.own[0].id
  ip_cidr_range = "10.84.0.0/24" # nothing is routed to it from outside, so any will do

  # Cloud Storage over Google's own network, free of charge.
  private_ip_google_access = true
}

data "google_compute_subnetwork" "existing" {
  count = var.existing_network == "" ? 0 : 1

  self_link = strcontains(var.existing_network, "/") ? var.existing_network : null
  name      = strcontains(var.existing_network, "/") ? null : var.existing_network
  project   = strcontains(var.existing_network, "/") ? null : local.project
  region    = strcontains(var.existing_network, "/") ? null : var.region
}
