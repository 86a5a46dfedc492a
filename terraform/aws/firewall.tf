# Who may reach the gateways. Each rule is a resource of its own: the group, and with it the VMs, wait for nobody's
# address, so two clouds can admit each other's gateways without a cycle.

resource "aws_security_group" "gateways" {
  name        = local.site
  description = "Gateways of skytf transfer ${var.transfer_id} in ${var.region}"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { "Name" = local.site })

  # Whatever is wrong with the input is said here: this stands before anything that costs money.
  lifecycle {
    precondition {
      condition     = max(length(local.site), [for name in values(local.gateway_names) : length(name)]...) <= 63
      error_message = "A name of this fleet has more than 63 characters, such as ${local.site}: shorten the transfer id."
    }
    precondition {
      condition     = !var.private_addresses || local.joins
      error_message = "private_addresses needs existing_network: a subnet that has a way out."
    }
    precondition {
      condition     = var.existing_network == "" || startswith(var.existing_network, "subnet-")
      error_message = "existing_network is the id of a subnet (subnet-...), not ${var.existing_network}."
    }
    precondition {
      condition     = alltrue([for zone in var.zones : startswith(zone, var.region)])
      error_message = "${join(", ", var.zones)}: not all of these zones are in ${var.region}."
    }
    precondition {
      condition     = !local.joins || length(var.zones) == 0 || contains(var.zones, local.zone)
      error_message = "${var.existing_network} is in ${local.zone}, which is none of the zones ${join(", ", var.zones)}."
    }
    precondition {
      condition     = !strcontains(var.operator_cidr, ":")
      error_message = "The gateways have IPv4 addresses only: operator_cidr ${var.operator_cidr} cannot reach them."
    }
    precondition {
      condition     = var.disk_kms_key == "" || can(regex("^arn:[^:]+:kms:${var.region}:", var.disk_kms_key))
      error_message = "disk_kms_key is the ARN of a key in ${var.region} (arn:aws:kms:${var.region}:...), not ${var.disk_kms_key}."
    }
  }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.gateways.id
  description       = "SSH from the operator"
  ip_protocol       = "tcp"
  from_port         = local.ssh_port
  to_port           = local.ssh_port
  cidr_ipv4         = var.operator_cidr
  tags              = merge(local.tags, { "Name" = "${local.site}-ssh" })
}

# One rule per key; AWS takes no rule twice, so a CIDR that several keys share must be given under one of them.
resource "aws_vpc_security_group_ingress_rule" "data" {
  for_each = var.ingress

  security_group_id = aws_security_group.gateways.id
  description       = "data from ${each.key}"
  ip_protocol       = "tcp"
  from_port         = var.data_ports.from
  to_port           = var.data_ports.to
  cidr_ipv4         = each.value
  tags              = merge(local.tags, { "Name" = "${local.site}-from-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "fleet" {
  security_group_id            = aws_security_group.gateways.id
  description                  = "data from the gateways of this site"
  ip_protocol                  = "tcp"
  from_port                    = var.data_ports.from
  to_port                      = var.data_ports.to
  referenced_security_group_id = aws_security_group.gateways.id
  tags                         = merge(local.tags, { "Name" = "${local.site}-fleet" })
}

# Gateways dial stores and gateways of other clouds, whose addresses nobody can list beforehand.
resource "aws_vpc_security_group_egress_rule" "all" {
  #checkov:skip=CKV_AWS_382:Stores and gateways of other clouds have addresses that nobody can list beforehand.
  security_group_id = aws_security_group.gateways.id
  description       = "to stores and other gateways"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = merge(local.tags, { "Name" = "${local.site}-out" })
}
