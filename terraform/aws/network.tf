# A network for this transfer alone, with the free private way to S3; nothing of it where the user's subnet is joined.

locals {
  joins   = var.existing_network != ""
  own     = local.joins ? 0 : 1
  network = "10.77.0.0/24"
  vpc_id  = local.joins ? one(data.aws_subnet.existing[*].vpc_id) : one(aws_vpc.site[*].id)
}

data "aws_subnet" "existing" {
  count = local.joins ? 1 : 0

  id = var.existing_network

  lifecycle {
    postcondition {
      condition     = startswith(self.availability_zone, var.region)
      error_message = "existing_network ${var.existing_network} is in ${self.availability_zone}, not in ${var.region}."
    }
  }
}

resource "aws_vpc" "site" {
  #checkov:skip=CKV2_AWS_11:Flow logs would outlive the transfer, and they are paid for.
  #checkov:skip=CKV2_AWS_12:Nothing ever joins the default security group, and it goes with the network.
  count = local.own

  cidr_block           = local.network
  enable_dns_support   = true
  enable_dns_hostnames = false
  tags                 = merge(local.tags, { "Name" = local.site })
}

resource "aws_internet_gateway" "site" {
  count = local.own

  vpc_id = one(aws_vpc.site[*].id)
  tags   = merge(local.tags, { "Name" = local.site })
}

resource "aws_subnet" "site" {
  count = local.own

  vpc_id                  = one(aws_vpc.site[*].id)
  availability_zone       = local.zone
  cidr_block              = local.network
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { "Name" = local.site })

  lifecycle {
    precondition {
      condition     = length(local.zones) > 0
      error_message = "No zone of ${var.region} has ${join(" or ", local.wished_types)}: choose another instance type or region."
    }
  }
}

resource "aws_route_table" "site" {
  count = local.own

  vpc_id = one(aws_vpc.site[*].id)
  tags   = merge(local.tags, { "Name" = local.site })
}

resource "aws_route" "internet" {
  count = local.own

  route_table_id         = one(aws_route_table.site[*].id)
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = one(aws_internet_gateway.site[*].id)
}

resource "aws_route_table_association" "site" {
  count = local.own

  route_table_id = one(aws_route_table.site[*].id)
  subnet_id      = one(aws_subnet.site[*].id)
}

# Costs nothing, and traffic to buckets of the region stays inside AWS. Who may do what there is the identity's matter.
resource "aws_vpc_endpoint" "s3" {
  count = local.own

  vpc_id            = one(aws_vpc.site[*].id)
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [one(aws_route_table.site[*].id)]
  tags              = merge(local.tags, { "Name" = "${local.site}-s3" })
}
