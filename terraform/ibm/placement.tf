# Where the gateways stand, and on what. All of it is looked up while planning: nothing is created where nothing can be.

locals {
  resource_group = lookup(var.facts, "resource_group", "")
  instance_types = length(var.instance_types) > 0 ? var.instance_types : ["bx2-16x64", "cx2-16x32"]

  # A subnet is in one zone.
  zones = length(local.existing) == 3 ? [local.existing[1]] : length(var.zones) > 0 ? var.zones : sort(data.ibm_is_zones.of_region.zones)

  # A profile that names no zones is in all of them.
  offered = {
    for profile in data.ibm_is_instance_profiles.of_region.profiles :
    profile.name => try(profile.zones[*].name, []) if contains(local.instance_types, profile.name)
  }

  # Instance types first, zones within them: attempt n takes the n-th.
  places = [
    for place in setproduct(local.instance_types, local.zones) : { instance_type = place[0], zone = place[1] }
    if can(local.offered[place[0]]) && (try(length(local.offered[place[0]]), 0) == 0 || try(contains(local.offered[place[0]], place[1]), false))
  ]
  place = try(local.places[var.attempt % length(local.places)], { instance_type = "none", zone = "none" })

  # Names say which is newer: ibm-ubuntu-24-04-6-minimal-amd64-3. As numbers, for 10 comes after 9.
  images = {
    for image in flatten(data.ibm_is_images.available[*].images) :
    join("-", [for number in regex("^ibm-ubuntu-24-04-(?:(\\d+)-)?minimal-amd64-(\\d+)$", image.name) : format("%05d", coalesce(number, "0"))]) => image.id
    if can(regex("^ibm-ubuntu-24-04-(\\d+-)?minimal-amd64-\\d+$", image.name))
  }
  image = var.image != "" ? var.image : try(local.images[reverse(sort(keys(local.images)))[0]], "")

  # VPC/ZONE/SUBNET: no data source tells of which VPC a subnet is.
  existing = var.existing_network == "" ? [] : split("/", var.existing_network)
}

# Looked up for every fleet, and first: so this is where the choices are looked at that IBM would refuse later.
data "ibm_is_zones" "of_region" {
  region = var.region

  lifecycle {
    precondition {
      condition     = local.resource_group != ""
      error_message = "The fact \"resource_group\" is missing: the id of the resource group that the gateways are created in."
    }
    precondition {
      condition     = length(local.bucket_without_instance) == 0
      error_message = "Facts are missing, the GUID or CRN of the Object Storage instance of each bucket: ${join(", ", [for bucket in local.bucket_without_instance : "cos_instance/${bucket}"])}."
    }
    precondition {
      condition     = alltrue([for end in local.ends : !can(regex("[*?]", end.prefix))])
      error_message = "IBM's policies take * and ? in a prefix for any text: choose a shorter prefix."
    }
    precondition {
      condition     = !var.private_addresses || var.existing_network != ""
      error_message = "Gateways without public addresses need existing_network, a subnet that has routes."
    }
    precondition {
      condition     = var.disk_kms_key == "" || startswith(var.disk_kms_key, "crn:")
      error_message = "A key of IBM Cloud is its CRN (crn:v1:...), not ${var.disk_kms_key}."
    }
    precondition {
      condition     = var.permissions_boundary == ""
      error_message = "IBM Cloud has no permissions boundaries: leave permissions_boundary out."
    }
    precondition {
      condition     = contains([0, 3], length(local.existing)) && alltrue([for part in local.existing : part != ""])
      error_message = "An existing_network of IBM Cloud is VPC/ZONE/SUBNET, three ids with slashes between them, not ${var.existing_network}."
    }
    precondition {
      condition     = length(local.existing) != 3 || length(var.zones) == 0 || contains(var.zones, try(local.existing[1], ""))
      error_message = "The subnet ${var.existing_network} is in none of the zones ${join(", ", var.zones)}."
    }
    precondition {
      condition     = var.arch == "x86_64"
      error_message = "IBM Cloud has no VMs with ARM processors."
    }
    precondition {
      condition     = var.disk_gib <= 250
      error_message = "A boot volume of IBM Cloud has at most 250 GiB."
    }
    precondition {
      condition     = can(regex("^ssh-(ed25519|rsa) ", var.ssh_public_key))
      error_message = "IBM Cloud takes SSH keys of the types ed25519 and rsa."
    }
    precondition {
      condition     = alltrue([for name in local.names : can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", name))])
      error_message = "Names would not be 63 or fewer lower-case letters, digits and hyphens: ${join(", ", local.names)}. Shorten the transfer id or the gateway ids."
    }
    postcondition {
      condition     = length(self.zones) > 0
      error_message = "IBM Cloud names no zone of ${var.region}."
    }
    postcondition {
      condition     = length(setsubtract(var.zones, self.zones)) == 0
      error_message = "Not zones of ${var.region}: ${join(", ", setsubtract(var.zones, self.zones))}. There are ${join(", ", self.zones)}."
    }
    postcondition {
      condition     = length(local.existing) != 3 || contains(self.zones, try(local.existing[1], ""))
      error_message = "The subnet ${var.existing_network} is not in ${var.region}."
    }
  }
}

data "ibm_is_instance_profiles" "of_region" {
}

data "ibm_is_images" "available" {
  count = var.image == "" ? 1 : 0

  status     = "available"
  visibility = "public"
}
