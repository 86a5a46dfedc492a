# The network, where in it the gateways are put, and with what they are refused.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = { locations = ["us-east-1c", "us-east-1-bos-1a", "us-east-1a"] }
  }
  mock_data "aws_subnet" {
    defaults = { availability_zone = "us-east-1b", vpc_id = "vpc-0b" }
  }
  mock_data "aws_ami" {
    defaults = { id = "ami-0123456789abcdef0" }
  }
}

variables {
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2030-01-31T12:00:00Z"
  gateways       = { "aws-us-east-1-0" = { index = 0 }, "aws-us-east-1-1" = { index = 1 } }
  host_keys      = { "aws-us-east-1-0" = "key 0", "aws-us-east-1-1" = "key 1", "gcp-europe-west4-0" = "another" }
  ingress        = {}
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "us-east-1"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
  transfer_id    = "20300131-100000-abcdef"
  ttl_minutes    = 90
}

run "a_network_of_its_own" {
  assert {
    condition = (
      length(aws_vpc.site) == 1 && length(aws_internet_gateway.site) == 1 && length(aws_route_table_association.site) == 1 &&
      aws_route.internet[0].destination_cidr_block == "0.0.0.0/0" && length(data.aws_subnet.existing) == 0
    )
    error_message = "A network needs its gateway, route table and route, and nothing else."
  }
  assert {
    condition = (
      aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.us-east-1.s3" && aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway"
    )
    error_message = "S3 is reached by the free gateway endpoint."
  }
  assert {
    condition     = aws_subnet.site[0].availability_zone == "us-east-1a" && !aws_subnet.site[0].map_public_ip_on_launch
    error_message = "The first zone that has the instance type is taken, and nothing else gets a public address there."
  }
  assert {
    condition     = alltrue([for one in aws_instance.gateway : one.subnet_id == aws_subnet.site[0].id && one.associate_public_ip_address])
    error_message = "The gateways stand in the site's subnet and have public addresses."
  }
  assert {
    condition = aws_vpc.site[0].tags == tomap({
      "Name"              = "skytf-20300131-100000-abcdef-us-east-1"
      "skytf-expires-at"  = "2030-01-31t12-00-00z"
      "skytf-owner"       = "tester"
      "skytf-transfer-id" = "20300131-100000-abcdef"
    })
    error_message = "The network carries the name and the tags that find it again."
  }
}

run "an_existing_subnet_is_joined" {
  variables {
    existing_network  = "subnet-0b"
    private_addresses = true
  }
  assert {
    condition = length(concat(
      aws_vpc.site, aws_subnet.site, aws_internet_gateway.site, aws_route_table.site, aws_route.internet, aws_vpc_endpoint.s3
    )) == 0
    error_message = "No network is made where one is joined."
  }
  assert {
    condition = (
      aws_security_group.gateways.vpc_id == "vpc-0b" &&
      alltrue([for one in aws_instance.gateway : one.subnet_id == "subnet-0b" && !one.associate_public_ip_address])
    )
    error_message = "The gateways stand in the given subnet, without public addresses."
  }
  assert {
    condition     = alltrue([for one in output.gateways : one.public_ip == "" && one.private_ip != ""])
    error_message = "A gateway without a public address has an empty one."
  }
}

run "the_next_attempt_takes_the_next_zone" {
  variables {
    attempt        = 1
    instance_types = ["m6i.large", "m5.large"]
  }
  assert {
    condition     = aws_subnet.site[0].availability_zone == "us-east-1c" && aws_instance.gateway["aws-us-east-1-0"].instance_type == "m6i.large"
    error_message = "Attempt 1 is the second zone of the region itself, with the first type."
  }
}

run "then_the_next_instance_type" {
  variables {
    attempt        = 3
    instance_types = ["m6i.large", "m5.large"]
    zones          = ["us-east-1d", "us-east-1b"]
  }
  assert {
    condition     = aws_subnet.site[0].availability_zone == "us-east-1b" && aws_instance.gateway["aws-us-east-1-0"].instance_type == "m5.large"
    error_message = "Attempt 3 of two zones is the second type in the second zone."
  }
  assert {
    condition     = length(data.aws_ec2_instance_type_offerings.zones) == 0
    error_message = "Named zones are not looked up."
  }
}

run "a_type_that_the_region_lacks_is_left_out" {
  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["m5.8xlarge"]
    values = { locations = [] }
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].instance_type == "m6i.8xlarge"
    error_message = "The next type of the list is taken."
  }
}

run "no_zone_has_the_type" {
  command = plan
  variables {
    instance_types = ["m5.large"]
  }
  override_data {
    target = data.aws_ec2_instance_type_offerings.zones["m5.large"]
    values = { locations = [] }
  }
  expect_failures = [aws_subnet.site]
}

run "a_subnet_of_another_region" {
  command = plan
  variables {
    existing_network = "subnet-0b"
    region           = "eu-west-1"
  }
  expect_failures = [data.aws_subnet.existing]
}

run "private_addresses_without_a_network_that_has_a_way_out" {
  command = plan
  variables {
    private_addresses = true
  }
  expect_failures = [aws_security_group.gateways]
}

run "a_zone_of_another_region" {
  command = plan
  variables {
    zones = ["us-east-1a", "eu-west-1a"]
  }
  expect_failures = [aws_security_group.gateways]
}

run "an_existing_network_outside_the_named_zones" {
  command = plan
  variables {
    existing_network = "subnet-0b"
    zones            = ["us-east-1a"]
  }
  expect_failures = [aws_security_group.gateways]
}

run "an_existing_network_that_is_no_subnet" {
  command = plan
  variables {
    existing_network = "vpc-0b"
  }
  expect_failures = [aws_security_group.gateways]
}

run "a_name_that_is_too_long" {
  command = plan
  variables {
    transfer_id = "20300131-100000-abcdef-20300131-100000-abcdef-0"
  }
  expect_failures = [aws_security_group.gateways]
}
