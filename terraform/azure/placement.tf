# Where the gateways of the site go at this attempt: all of them into one zone, as VMs of one size.

locals {
  # Regions of regions.csv without availability zones; all others have three.
  zoneless = [
    "australiacentral", "australiacentral2", "australiasoutheast", "brazilsoutheast", "canadaeast", "francesouth",
    "germanynorth", "jioindiacentral", "jioindiawest", "koreasouth", "northcentralus", "norwaywest",
    "southafricawest", "southindia", "switzerlandwest", "uaecentral", "ukwest", "westcentralus", "westindia", "westus",
  ]
  region_zones = contains(local.zoneless, var.region) ? [] : ["1", "2", "3"]
  zones        = length(var.zones) > 0 ? var.zones : local.region_zones
  # element() begins again after the last one.
  zone = length(local.zones) > 0 ? element(local.zones, var.attempt) : null

  # Those of cloud.toml, of which there is none with an ARM processor.
  default_types = var.arch == "x86_64" ? ["Standard_D8s_v5", "Standard_D8ds_v5", "Standard_F8s_v2"] : []
  types         = length(var.instance_types) > 0 ? var.instance_types : local.default_types
  type_index    = min(floor(var.attempt / max(length(local.zones), 1)), length(local.types) - 1)
  type          = length(local.types) > 0 ? local.types[local.type_index] : ""
}
