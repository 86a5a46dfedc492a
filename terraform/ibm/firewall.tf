# Who may reach the gateways, and where they go. What no rule admits, IBM refuses, in both directions.

resource "ibm_is_security_group" "gateways" {
  name           = local.site
  resource_group = local.resource_group
  vpc            = local.vpc
  tags           = local.tags
}

resource "ibm_is_security_group_rule" "ssh" {
  group     = ibm_is_security_group.gateways.id
  name      = "ssh"
  direction = "inbound"
  remote    = var.operator_cidr
  protocol  = "tcp"
  port_min  = local.ssh_port
  port_max  = local.ssh_port
}

resource "ibm_is_security_group_rule" "own" {
  group     = ibm_is_security_group.gateways.id
  name      = "own"
  direction = "inbound"
  remote    = ibm_is_security_group.gateways.id
  protocol  = "tcp"
  port_min  = var.data_ports.from
  port_max  = var.data_ports.to
}

resource "ibm_is_security_group_rule" "ingress" {
  for_each = local.ingress_names

  group     = ibm_is_security_group.gateways.id
  name      = each.value
  direction = "inbound"
  remote    = var.ingress[each.key]
  protocol  = "tcp"
  port_min  = var.data_ports.from
  port_max  = var.data_ports.to

  lifecycle {
    precondition {
      condition     = length(each.value) <= 63
      error_message = "The rule's name would have more than 63 characters: ${each.value}. Shorten the gateway ids."
    }
  }
}

# Not restricted further: a gateway talks to stores and gateways whose addresses nobody knows when the rules are made.
# UDP is for names and time.
resource "ibm_is_security_group_rule" "egress" {
  for_each = toset(["tcp", "udp"])

  group     = ibm_is_security_group.gateways.id
  name      = "out-${each.key}"
  direction = "outbound"
  remote    = "0.0.0.0/0"
  protocol  = each.key
  port_min  = 1
  port_max  = 65535
}
