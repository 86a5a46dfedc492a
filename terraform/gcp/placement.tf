# Where the gateways stand, and on what. All of it is looked up while planning: nothing is created where nothing can be.

locals {
  project        = lookup(var.facts, "project", "")
  instance_types = length(var.instance_types) > 0 ? var.instance_types : ["n2-standard-16", "n2d-standard-16"]
  zones          = length(var.zones) > 0 ? var.zones : sort(data.google_compute_zones.of_region.names)

  # Instance types first, zones within them: attempt n takes the n-th.
  places = [
    for place in setproduct(local.instance_types, local.zones) : { instance_type = place[0], zone = place[1] }
    if contains(data.google_compute_machine_types.in_zone[place[1]].machine_types[*].name, place[0])
  ]
  place = try(local.places[var.attempt % length(local.places)], { instance_type = "none", zone = "none" })

  image = var.image != "" ? var.image : data.google_compute_image.newest[0].self_link
}

# Looked up for every fleet, and first: so this is where the choices are looked at that Google would refuse later.
data "google_compute_zones" "of_region" {
  project = local.project
  region  = var.region
  status  = "UP"

  lifecycle {
    precondition {
      condition     = local.project != ""
      error_message = "The fact \"project\" is missing: the id of the project that the gateways are created in."
    }
    precondition {
      condition     = !var.private_addresses || var.existing_network != ""
      error_message = "Gateways without public addresses need existing_network, a subnetwork that has routes."
    }
    precondition {
      condition     = var.permissions_boundary == ""
      error_message = "Google Cloud has no permissions boundaries: leave permissions_boundary out."
    }
    precondition {
      condition     = var.identity == "" || can(regex("^[^@ ]+@[^@ ]+$", var.identity))
      error_message = "An identity of Google Cloud is the e-mail address of a service account, not ${var.identity}."
    }
    precondition {
      condition     = var.disk_kms_key == "" || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+", var.disk_kms_key))
      error_message = "A key of Google Cloud is projects/…/locations/…/keyRings/…/cryptoKeys/…, not ${var.disk_kms_key}."
    }
    precondition {
      condition     = !strcontains(local.existing.name, "/")
      error_message = "An existing_network of Google Cloud is a name or projects/…/regions/…/subnetworks/…, not ${var.existing_network}."
    }
    precondition {
      condition     = local.existing.region == var.region
      error_message = "The subnetwork ${var.existing_network} is not in ${var.region}."
    }
    precondition {
      condition     = alltrue([for name in local.names : can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", name))])
      error_message = "Names would not be 63 or fewer lower-case letters, digits and hyphens: ${join(", ", local.names)}. Shorten the transfer id or the gateway ids."
    }
    precondition {
      condition     = alltrue([for name in keys(local.labels) : can(regex("^[a-z]", name))]) && length(local.labels) < 64
      error_message = "Tags become labels: there are at most 60, and each begins with a letter."
    }
    precondition {
      condition     = var.ttl_minutes <= 120 * 24 * 60
      error_message = "Compute Engine limits the run time of a VM to at most 120 days."
    }
    postcondition {
      condition     = length(self.names) > 0
      error_message = "Compute Engine names no zone of ${var.region} that is up."
    }
    postcondition {
      condition     = length(setsubtract(var.zones, self.names)) == 0
      error_message = "Not zones of ${var.region} that are up: ${join(", ", setsubtract(var.zones, self.names))}. There are ${join(", ", self.names)}."
    }
  }
}

data "google_compute_machine_types" "in_zone" {
  for_each = toset(local.zones)

  project = local.project
  zone    = each.key
  filter  = join(" OR ", [for name in local.instance_types : "(name = \"${name}\")"])
}

data "google_compute_image" "newest" {
  count = var.image == "" ? 1 : 0

  project = "ubuntu-os-cloud"
  family  = var.arch == "arm64" ? "ubuntu-2404-lts-arm64" : "ubuntu-2404-lts-amd64"
}
