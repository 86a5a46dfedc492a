# Who may reach the gateways: exactly the rules that are written here.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = { locations = ["us-east-1a"] }
  }
  mock_data "aws_ami" {
    defaults = { id = "ami-0123456789abcdef0" }
  }
}

variables {
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2030-01-31T12:00:00Z"
  gateways       = { "aws-us-east-1-0" = { index = 0 } }
  host_keys      = { "aws-us-east-1-0" = "key 0" }
  ingress        = {}
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "us-east-1"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
  transfer_id    = "20300131-100000-abcdef"
  ttl_minutes    = 90
}

run "ssh_for_the_operator_and_data_for_the_site_only" {
  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.ssh.cidr_ipv4 == "192.0.2.1/32" && aws_vpc_security_group_ingress_rule.ssh.ip_protocol == "tcp" &&
      aws_vpc_security_group_ingress_rule.ssh.from_port == 22 && aws_vpc_security_group_ingress_rule.ssh.to_port == 22
    )
    error_message = "SSH is for the operator's address."
  }
  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.fleet.referenced_security_group_id == aws_security_group.gateways.id &&
      aws_vpc_security_group_ingress_rule.fleet.cidr_ipv4 == null &&
      aws_vpc_security_group_ingress_rule.fleet.from_port == 28470 && aws_vpc_security_group_ingress_rule.fleet.to_port == 28485
    )
    error_message = "The gateways of a site reach each other's data ports, by their group and not by address."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.data) == 0
    error_message = "Nobody else is let in where nobody was named."
  }
}

run "data_for_those_who_were_named" {
  variables {
    ingress  = { "gcp-europe-west4-0" = "198.51.100.7/32", "operator" = "192.0.2.1/32" }
    ssh_port = 2222
  }
  assert {
    condition = { for name, rule in aws_vpc_security_group_ingress_rule.data : name => [
      rule.cidr_ipv4, rule.ip_protocol, rule.from_port, rule.to_port
      ] } == {
      "gcp-europe-west4-0" = ["198.51.100.7/32", "tcp", 28470, 28485]
      "operator"           = ["192.0.2.1/32", "tcp", 28470, 28485]
    }
    error_message = "Each of them gets one rule, for the data ports."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh.from_port == 2222 && output.gateways["aws-us-east-1-0"].ssh_port == 2222
    error_message = "SSH is admitted on the port where it listens."
  }
}

run "an_operator_with_an_ipv6_address" {
  command = plan
  variables {
    operator_cidr = "2001:db8::1/128"
  }
  expect_failures = [aws_security_group.gateways]
}
