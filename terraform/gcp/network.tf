# A network of the fleet's own, without a single rule, or a subnetwork of the user's.

locals {
  network    = var.existing_network == "" ? google_compute_network.own[0].id : data.google_compute_subnetwork.existing[0].network
  subnetwork = var.existing_network == "" ? google_compute_subnetwork.own[0].id : data.google_compute_subnetwork.existing[0].self_link

  # A name is one of the project and the region; a link, with or without what comes before "projects", says which.
  existing = try(
    regex("^(?:https://.+/)?projects/(?P<project>[^/]+)/regions/(?P<region>[^/]+)/subnetworks/(?P<name>[^/]+)$", var.existing_network),
    { project = local.project, region = var.region, name = var.existing_network },
  )

  # Of a shared VPC the rules stand in the host project.
  network_project = try(regex("projects/([^/]+)/", data.google_compute_subnetwork.existing[0].network)[0], local.project)
}

resource "google_compute_network" "own" {
  #checkov:skip=CKV2_GCP_18:the rules stand in firewall.tf; checkov does not see through the choice of network
  count = var.existing_network == "" ? 1 : 0

  name                    = local.site
  description             = local.description
  project                 = local.project
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "own" {
  #checkov:skip=CKV_GCP_26:a network that lives as long as a transfer needs no flow logs, which cost by volume
  #checkov:skip=CKV_GCP_76:the subnetwork has no IPv6 addresses
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

# By name, for the provider takes none but complete links.
data "google_compute_subnetwork" "existing" {
  count = var.existing_network == "" ? 0 : 1

  project = local.existing.project
  region  = local.existing.region
  name    = local.existing.name
}
