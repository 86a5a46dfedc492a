# The least that a cloud can be: VMs, and a firewall around them. Its provider is one that the tests have a stand-in for.

locals {
  site     = "skytf-${var.transfer_id}-${var.region}"
  ssh_port = var.ssh_port == 0 ? 22 : var.ssh_port
  tags = merge(var.tags, {
    "skytf-transfer-id" = var.transfer_id
    "skytf-owner"       = var.owner
    "skytf-expires-at"  = formatdate("YYYY-MM-DD't'hh-mm-ss'z'", var.expires_at)
  })
}

resource "aws_security_group" "site" {
  name = local.site
  tags = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.site.id
  cidr_ipv4         = var.operator_cidr
  ip_protocol       = "tcp"
  from_port         = local.ssh_port
  to_port           = local.ssh_port
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "data" {
  for_each = var.ingress

  security_group_id = aws_security_group.site.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.data_ports.from
  to_port           = var.data_ports.to
  tags              = local.tags
}

resource "aws_instance" "gateway" {
  for_each = var.gateways

  ami                    = var.image == "" ? "ami-of-the-fifth-cloud" : var.image
  instance_type          = var.instance_types[0]
  vpc_security_group_ids = [aws_security_group.site.id]
  tags                   = merge(local.tags, { "Name" = "skytf-${var.transfer_id}-${each.key}", "skytf-gateway" = each.key })

  user_data = templatefile("${path.module}/../shared/cloud-init.yaml.tftpl", {
    end_command    = "systemctl poweroff"
    expires_at     = var.expires_at
    host_key       = lookup(var.host_keys, each.key, "")
    ssh_port       = local.ssh_port
    ssh_public_key = var.ssh_public_key
    ttl_minutes    = var.ttl_minutes
  })
}
