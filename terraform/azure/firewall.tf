# Who may reach the gateways: the operator their SSH, the fleet their data ports, nobody anything else. It is laid on
# every gateway's own interface, so that it holds in a subnet of the user's too; what leaves is not bounded, because
# stores, other clouds' gateways and package indexes have no addresses that could be named.

locals {
  data_ports = "${var.data_ports.from}-${var.data_ports.to}"
}

resource "azurerm_network_security_group" "site" {
  name                = local.site
  location            = azurerm_resource_group.site.location
  resource_group_name = azurerm_resource_group.site.name
  tags                = local.tags
}

resource "azurerm_network_security_rule" "ssh" {
  name                        = "ssh"
  description                 = "SSH from the operator."
  resource_group_name         = azurerm_resource_group.site.name
  network_security_group_name = azurerm_network_security_group.site.name
  priority                    = 100
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_address_prefix       = var.operator_cidr
  source_port_range           = "*"
  destination_address_prefix  = "*"
  destination_port_range      = local.ssh_port
}

resource "azurerm_network_security_rule" "site" {
  name                        = "site"
  description                 = "Data from the gateways of this site."
  resource_group_name         = azurerm_resource_group.site.name
  network_security_group_name = azurerm_network_security_group.site.name
  priority                    = 110
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_address_prefixes     = [for one in azurerm_network_interface.gateway : one.private_ip_address]
  source_port_range           = "*"
  destination_address_prefix  = "*"
  destination_port_range      = local.data_ports
}

resource "azurerm_network_security_rule" "ingress" {
  for_each = var.ingress

  name                        = "data-${each.key}"
  description                 = "Data from ${each.key}."
  resource_group_name         = azurerm_resource_group.site.name
  network_security_group_name = azurerm_network_security_group.site.name
  # No two rules may have the same; the keys are known in the plan, and stay the same for a bundle.
  priority                   = 1000 + index(keys(var.ingress), each.key)
  direction                  = "Inbound"
  access                     = "Allow"
  protocol                   = "Tcp"
  source_address_prefix      = each.value
  source_port_range          = "*"
  destination_address_prefix = "*"
  destination_port_range     = local.data_ports
}

# Azure's own last rules would admit the rest of the network and its load balancers.
resource "azurerm_network_security_rule" "deny" {
  name                        = "deny"
  description                 = "Nothing else."
  resource_group_name         = azurerm_resource_group.site.name
  network_security_group_name = azurerm_network_security_group.site.name
  priority                    = 4096
  direction                   = "Inbound"
  access                      = "Deny"
  protocol                    = "*"
  source_address_prefix       = "*"
  source_port_range           = "*"
  destination_address_prefix  = "*"
  destination_port_range      = "*"
}
