# The VMs: hardened, encrypted, tagged, and gone by themselves.

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

run "a_gateway" {
  assert {
    condition = (
      aws_instance.gateway["aws-us-east-1-0"].metadata_options[0].http_tokens == "required" &&
      aws_instance.gateway["aws-us-east-1-0"].metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "The metadata service wants a token, and its answers go no further than the VM."
  }
  assert {
    condition = (
      aws_instance.gateway["aws-us-east-1-0"].root_block_device[0].encrypted &&
      aws_instance.gateway["aws-us-east-1-0"].root_block_device[0].delete_on_termination &&
      aws_instance.gateway["aws-us-east-1-0"].root_block_device[0].volume_size == 30
    )
    error_message = "The disk is encrypted and goes with the VM."
  }
  assert {
    condition = (
      aws_instance.gateway["aws-us-east-1-0"].instance_initiated_shutdown_behavior == "terminate" &&
      strcontains(aws_instance.gateway["aws-us-east-1-0"].user_data, "OnBootSec=90min") &&
      strcontains(aws_instance.gateway["aws-us-east-1-0"].user_data, "systemctl poweroff")
    )
    error_message = "A VM that powers itself off is gone, and it does so in time."
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].ami == "ami-0123456789abcdef0" && length(aws_instance.gateway["aws-us-east-1-0"].instance_market_options) == 0
    error_message = "The newest image is taken, on demand."
  }
  assert {
    condition = alltrue([for tags in [aws_instance.gateway["aws-us-east-1-0"].tags, aws_instance.gateway["aws-us-east-1-0"].volume_tags] : tags == tomap({
      "Name"              = "skytf-20300131-100000-abcdef-aws-us-east-1-0"
      "skytf-expires-at"  = "2030-01-31t12-00-00z"
      "skytf-gateway"     = "aws-us-east-1-0"
      "skytf-owner"       = "tester"
      "skytf-transfer-id" = "20300131-100000-abcdef"
    })])
    error_message = "VM and disk carry what finds them again."
  }
  assert {
    condition = (
      keys(output.gateways) == ["aws-us-east-1-0"] && output.gateways["aws-us-east-1-0"].public_ip == aws_instance.gateway["aws-us-east-1-0"].public_ip &&
      output.gateways["aws-us-east-1-0"].ssh_user == "skytf" && output.gateways["aws-us-east-1-0"].ssh_port == 22
    )
    error_message = "The output says how to reach it."
  }
}

run "what_may_be_chosen" {
  variables {
    arch         = "arm64"
    disk_gib     = 50
    disk_kms_key = "arn:aws:kms:us-east-1:123456789012:key/k"
    image        = "ami-0fedcba9876543210"
    spot         = true
    tags         = { "team" = "movers", "skytf-owner" = "somebody else" }
  }
  assert {
    condition = (
      aws_instance.gateway["aws-us-east-1-0"].instance_market_options[0].market_type == "spot" &&
      aws_instance.gateway["aws-us-east-1-0"].instance_market_options[0].spot_options[0].spot_instance_type == "one-time"
    )
    error_message = "Spot VMs are asked for once."
  }
  assert {
    condition = (
      aws_instance.gateway["aws-us-east-1-0"].root_block_device[0].kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/k" &&
      aws_instance.gateway["aws-us-east-1-0"].root_block_device[0].volume_size == 50
    )
    error_message = "The disk has the given size and key."
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].ami == "ami-0fedcba9876543210" && length(data.aws_ami.ubuntu) == 0
    error_message = "A pinned image is not looked up."
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].instance_type == "m7g.8xlarge"
    error_message = "The default type has the processor that was asked for."
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].tags["team"] == "movers" && aws_instance.gateway["aws-us-east-1-0"].tags["skytf-owner"] == "tester"
    error_message = "Tags of the user are added, and replace none of ours."
  }
}

run "a_gateway_without_a_host_key" {
  command = plan
  variables {
    host_keys = {}
  }
  expect_failures = [aws_instance.gateway]
}

run "a_disk_key_that_is_no_arn" {
  command = plan
  variables {
    disk_kms_key = "alias/disks"
  }
  expect_failures = [aws_security_group.gateways]
}

run "a_disk_key_of_another_region" {
  command = plan
  variables {
    disk_kms_key = "arn:aws:kms:us-west-2:123456789012:key/k"
  }
  expect_failures = [aws_security_group.gateways]
}
