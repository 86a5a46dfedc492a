# The gateways, and what all files here share: names, tags, and where the VMs are put.

locals {
  prefix = "skytf-${var.transfer_id}"
  site   = "${local.prefix}-${var.region}"
  # Ours win: they are what finds the fleet again.
  tags = merge(var.tags, {
    "skytf-transfer-id" = var.transfer_id
    "skytf-owner"       = var.owner
    "skytf-expires-at"  = formatdate("YYYY-MM-DD't'hh-mm-ss'z'", var.expires_at)
  })
  gateway_names = { for id in keys(var.gateways) : id => "${local.prefix}-${id}" }
  ssh_port      = var.ssh_port == 0 ? 22 : var.ssh_port

  default_types = {
    arm64  = ["m7g.8xlarge", "c7gn.8xlarge"]
    x86_64 = ["m5.8xlarge", "m6i.8xlarge"]
  }
  wished_types  = length(var.instance_types) == 0 ? local.default_types[var.arch] : var.instance_types
  offered_types = [for type in local.wished_types : type if try(length(local.offered_zones[type]) > 0, true)]
  types         = length(local.offered_types) == 0 ? local.wished_types : local.offered_types

  # Zones that were named are taken as they are; then, with a pinned image, a plan asks AWS for nothing.
  # Local and Wavelength Zones (us-west-2-lax-1a) are taken by name alone: they are another city's, and lack much.
  offered_zones = {
    for type, offer in data.aws_ec2_instance_type_offerings.zones :
    type => sort([for zone in offer.locations : zone if can(regex("^${var.region}[a-z]$", zone))])
  }
  found_zones = length(local.offered_types) == 0 ? [] : try(local.offered_zones[local.types[0]], [])
  all_zones   = length(var.zones) == 0 ? local.found_zones : var.zones
  zones       = local.joins ? [one(data.aws_subnet.existing[*].availability_zone)] : local.all_zones

  # Where a zone has the next type not at all, AWS answers as if it were sold out, and the next attempt goes on.
  zone          = length(local.zones) == 0 ? "" : local.zones[var.attempt % length(local.zones)]
  type_number   = floor(var.attempt / max(length(local.zones), 1))
  instance_type = local.types[min(local.type_number, length(local.types) - 1)]
}

data "aws_partition" "current" {}

data "aws_ec2_instance_type_offerings" "zones" {
  for_each = local.joins || length(var.zones) > 0 ? [] : toset(local.wished_types)

  location_type = "availability-zone"
  filter {
    name   = "instance-type"
    values = [each.value]
  }
}

data "aws_ami" "ubuntu" {
  count = var.image == "" ? 1 : 0

  most_recent = true
  owners      = [lookup(local.canonical, data.aws_partition.current.partition, local.canonical["aws"])]
  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${var.arch == "arm64" ? "arm64" : "amd64"}-server-*"]
  }
  filter {
    name   = "architecture"
    values = [var.arch]
  }
}

locals {
  # Canonical's accounts, one per partition: cloud-images.ubuntu.com/locator/ec2
  canonical = {
    "aws"        = "099720109477"
    "aws-cn"     = "837727238323"
    "aws-us-gov" = "513442679011"
  }
}

resource "aws_instance" "gateway" {
  #checkov:skip=CKV_AWS_88:Gateways of other clouds dial it; without one it would need a NAT gateway per transfer.
  #checkov:skip=CKV2_AWS_41:It gets a role where it opens buckets as itself; else none is less than any.
  #checkov:skip=CKV_AWS_126:The gateways report their own figures; one-minute metrics of AWS cost extra.
  for_each = var.gateways

  ami                         = var.image == "" ? one(data.aws_ami.ubuntu[*].id) : var.image
  instance_type               = local.instance_type
  availability_zone           = local.zone
  subnet_id                   = local.joins ? var.existing_network : one(aws_subnet.site[*].id)
  vpc_security_group_ids      = [aws_security_group.gateways.id]
  iam_instance_profile        = var.identity == "" ? one(aws_iam_instance_profile.gateways[*].name) : basename(var.identity)
  ebs_optimized               = true
  monitoring                  = false
  associate_public_ip_address = !var.private_addresses
  # With this a VM that powers itself off is gone, disk and address with it.
  instance_initiated_shutdown_behavior = "terminate"

  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/../shared/cloud-init.yaml.tftpl", {
    end_command    = "systemctl poweroff"
    expires_at     = var.expires_at
    host_key       = lookup(var.host_keys, each.key, "")
    ssh_port       = local.ssh_port
    ssh_public_key = var.ssh_public_key
    ttl_minutes    = var.ttl_minutes
  })

  metadata_options {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
    http_tokens                 = "required"
    instance_metadata_tags      = "disabled"
  }

  root_block_device {
    delete_on_termination = true
    encrypted             = true
    kms_key_id            = var.disk_kms_key == "" ? null : var.disk_kms_key
    volume_size           = var.disk_gib
    volume_type           = "gp3"
  }

  dynamic "instance_market_options" {
    for_each = var.spot ? ["spot"] : []
    content {
      market_type = "spot"
      spot_options {
        instance_interruption_behavior = "terminate"
        spot_instance_type             = "one-time"
      }
    }
  }

  tags        = merge(local.tags, { "Name" = local.gateway_names[each.key], "skytf-gateway" = each.key })
  volume_tags = merge(local.tags, { "Name" = local.gateway_names[each.key], "skytf-gateway" = each.key })

  lifecycle {
    precondition {
      condition     = contains(nonsensitive(keys(var.host_keys)), each.key)
      error_message = "There is no bootstrap host key for gateway ${each.key}."
    }
  }

  # What a gateway needs when it boots, and what AWS does not let go of before the VM is gone.
  depends_on = [aws_iam_role_policy.stores, aws_route.internet, aws_route_table_association.site]
}
