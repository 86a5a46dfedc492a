# A network of the site's own, or the subnet that the user brought.

locals {
  # Networks of different sites never meet, so all can have the same addresses.
  network_cidr = "10.213.0.0/24"
  # What a resource id is made of; empty texts where it is none, for the precondition to say so.
  existing = try(
    regex("^/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft.Network/virtualNetworks/(?P<network>[^/]+)/subnets/(?P<subnet>[^/]+)$", var.existing_network),
    { subscription = "", group = "", network = "", subnet = "" }
  )
  subnet_id = var.existing_network == "" ? azurerm_subnet.site[0].id : var.existing_network
}

resource "azurerm_virtual_network" "site" {
  count = var.existing_network == "" ? 1 : 0

  name                = local.site
  location            = azurerm_resource_group.site.location
  resource_group_name = azurerm_resource_group.site.name
  address_space       = [local.network_cidr]
  tags                = local.tags
}

resource "azurerm_subnet" "site" {
  count = var.existing_network == "" ? 1 : 0

  name                 = "gateways"
  resource_group_name  = azurerm_resource_group.site.name
  virtual_network_name = azurerm_virtual_network.site[0].name
  address_prefixes     = [local.network_cidr]
  # Every gateway has an address of its own to go out with.
  default_outbound_access_enabled = false

  # The way to storage accounts of this region that costs nothing and stays in Azure's network.
  service_endpoint {
    service = "Microsoft.Storage"
  }
}

resource "azurerm_subnet_network_security_group_association" "site" {
  count = var.existing_network == "" ? 1 : 0

  subnet_id                 = azurerm_subnet.site[0].id
  network_security_group_id = azurerm_network_security_group.site.id
}

data "azurerm_virtual_network" "existing" {
  count = var.existing_network == "" ? 0 : 1

  name                = local.existing.network
  resource_group_name = local.existing.group

  lifecycle {
    precondition {
      condition     = local.existing.subnet != ""
      error_message = "existing_network is the resource id of a subnet: /subscriptions/.../virtualNetworks/NAME/subnets/NAME"
    }
    precondition {
      condition     = lower(local.existing.subscription) == local.subscription
      error_message = "existing_network is in subscription ${local.existing.subscription}, the gateways would be in ${local.subscription}."
    }
    postcondition {
      condition     = self.location == var.region
      error_message = "existing_network is in ${self.location}, the gateways would be in ${var.region}."
    }
    postcondition {
      condition     = contains(self.subnets, local.existing.subnet)
      error_message = "The network ${local.existing.network} has no subnet ${local.existing.subnet}; it has: ${join(", ", self.subnets)}."
    }
  }
}

resource "azurerm_public_ip" "gateway" {
  for_each = var.private_addresses ? {} : local.names

  name                = each.value
  location            = azurerm_resource_group.site.location
  resource_group_name = azurerm_resource_group.site.name
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = merge(local.tags, { skytf-gateway = each.key })
}

resource "azurerm_network_interface" "gateway" {
  #checkov:skip=CKV_AZURE_119: gateways in other clouds reach them; the security group admits those alone
  for_each = local.names

  name                           = each.value
  location                       = azurerm_resource_group.site.location
  resource_group_name            = azurerm_resource_group.site.name
  accelerated_networking_enabled = true
  tags                           = merge(local.tags, { skytf-gateway = each.key })

  ip_configuration {
    name                          = "gateway"
    subnet_id                     = local.subnet_id
    private_ip_address_allocation = "Dynamic"
    public_ip_address_id          = var.private_addresses ? null : azurerm_public_ip.gateway[each.key].id
  }
}

resource "azurerm_network_interface_security_group_association" "gateway" {
  for_each = local.names

  network_interface_id      = azurerm_network_interface.gateway[each.key].id
  network_security_group_id = azurerm_network_security_group.site.id
}
