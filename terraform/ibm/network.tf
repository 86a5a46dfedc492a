# A VPC of the fleet's own, or a subnet of the user's. The VPC's default security group admits its own members only,
# and no gateway is one.

locals {
  vpc    = var.existing_network == "" ? ibm_is_vpc.own[0].id : local.existing[0]
  subnet = var.existing_network == "" ? ibm_is_subnet.own[0].id : local.existing[2]
}

resource "ibm_is_vpc" "own" {
  count = var.existing_network == "" ? 1 : 0

  name                      = local.site
  resource_group            = local.resource_group
  address_prefix_management = "auto"
  tags                      = local.tags
}

resource "ibm_is_subnet" "own" {
  count = var.existing_network == "" ? 1 : 0

  name                     = local.site
  resource_group           = local.resource_group
  vpc                      = ibm_is_vpc.own[0].id
  zone                     = local.place.zone
  total_ipv4_address_count = 256
  tags                     = local.tags
}

# On the instance's own network card, so that traffic goes no other way round.
resource "ibm_is_floating_ip" "gateway" {
  for_each = var.private_addresses ? {} : var.gateways

  name           = local.gateway_names[each.key]
  resource_group = local.resource_group
  target         = ibm_is_instance.gateway[each.key].primary_network_interface[0].id
  tags           = concat(local.tags, ["skytf-gateway:${each.key}"])
}
