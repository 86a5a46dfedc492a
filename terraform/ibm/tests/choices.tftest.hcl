# What a user may choose, and what is refused. Run by tests/terraform/test_ibm.py.

mock_provider "ibm" {
  mock_data "ibm_is_zones" {
    defaults = { zones = ["us-south-1", "us-south-2", "us-south-3"] }
  }
  mock_data "ibm_is_instance_profiles" {
    defaults = { profiles = [
      { name = "bx2-16x64", zones = [] },
      { name = "bx3d-16x80", zones = [{ name = "us-south-1" }, { name = "us-south-2" }] },
    ] }
  }
  mock_data "ibm_is_images" {
    defaults = { images = [{ name = "ibm-ubuntu-24-04-6-minimal-amd64-1", id = "r006-newest" }] }
  }
}

variables {
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2026-11-22T19:41:03Z"
  facts          = { resource_group = "0123456789abcdef0123456789abcdef" }
  gateways       = { ibm-us-south-0 = { index = 0 } }
  host_keys      = { ibm-us-south-0 = "host key" }
  ingress        = {}
  instance_types = ["bx2-16x64", "bx3d-16x80"]
  operator_cidr  = "192.0.2.1/32"
  owner          = "ada"
  region         = "us-south"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  transfer_id    = "20261122-164001-ab12cd"
  ttl_minutes    = 60
  zones          = ["us-south-3", "us-south-1"]
}

run "first_attempt" {
  command = plan
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].zone == "us-south-3" && ibm_is_instance.gateway["ibm-us-south-0"].profile == "bx2-16x64" && ibm_is_subnet.own[0].zone == "us-south-3"
    error_message = "The first zone named is not the first one taken."
  }
}

run "second_attempt_takes_the_next_zone" {
  command = plan
  variables { attempt = 1 }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].zone == "us-south-1" && ibm_is_instance.gateway["ibm-us-south-0"].profile == "bx2-16x64" && ibm_is_subnet.own[0].zone == "us-south-1"
    error_message = "The second attempt does not take the second zone."
  }
}

run "third_attempt_takes_the_next_type_where_it_is" {
  command = plan
  variables { attempt = 2 }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].zone == "us-south-1" && ibm_is_instance.gateway["ibm-us-south-0"].profile == "bx3d-16x80"
    error_message = "The third attempt does not take the second instance type in the zone that has it."
  }
}

run "spot" {
  command = plan
  variables { spot = true }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].availability[0].class == "spot" && ibm_is_instance.gateway["ibm-us-south-0"].availability_policy[0].preemption == "delete"
    error_message = "It is no spot VM, or one that stays when it was taken away."
  }
}

run "keys_ports_and_images_of_the_user" {
  command = plan
  variables {
    disk_gib       = 150
    disk_kms_key   = "crn:v1:bluemix:public:kms:us-south:a/123:instance:key:1"
    image          = "r006-11111111-2222-4333-8444-555555555555"
    ssh_port       = 2222
    ssh_public_key = "ssh-rsa AAAAB3NzaC1yc2E="
  }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].boot_volume[0].encryption == "crn:v1:bluemix:public:kms:us-south:a/123:instance:key:1" && ibm_is_instance.gateway["ibm-us-south-0"].boot_volume[0].size == 150
    error_message = "The disk is not encrypted with the user's key."
  }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].image == "r006-11111111-2222-4333-8444-555555555555" && length(data.ibm_is_images.available) == 0
    error_message = "A pinned image is not what is taken."
  }
  assert {
    condition     = ibm_is_security_group_rule.ssh.port_min == 2222 && ibm_is_security_group_rule.ssh.port_max == 2222 && strcontains(ibm_is_instance.gateway["ibm-us-south-0"].user_data, "Port 2222")
    error_message = "SSH is not where it was asked for."
  }
  assert {
    condition     = ibm_is_ssh_key.operator.type == "rsa"
    error_message = "The key is of another type."
  }
}

run "network_of_the_user_without_public_addresses" {
  variables {
    existing_network  = "r006-vpc/us-south-2/0727-subnet"
    private_addresses = true
    zones             = []
  }
  assert {
    condition     = length(ibm_is_vpc.own) == 0 && length(ibm_is_subnet.own) == 0 && ibm_is_security_group.gateways.vpc == "r006-vpc"
    error_message = "A network was made although there is one."
  }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].zone == "us-south-2" && ibm_is_instance.gateway["ibm-us-south-0"].primary_network_interface[0].subnet == "0727-subnet" && ibm_is_instance.gateway["ibm-us-south-0"].vpc == "r006-vpc"
    error_message = "The gateway is not in the user's subnet."
  }
  assert {
    condition     = length(ibm_is_floating_ip.gateway) == 0 && output.gateways["ibm-us-south-0"].public_ip == ""
    error_message = "There is a public address."
  }
}

run "in_a_subnet_every_attempt_stays_in_its_zone" {
  command = plan
  variables {
    attempt          = 1
    existing_network = "r006-vpc/us-south-1/0717-subnet"
  }
  assert {
    condition     = ibm_is_instance.gateway["ibm-us-south-0"].zone == "us-south-1" && ibm_is_instance.gateway["ibm-us-south-0"].profile == "bx3d-16x80"
    error_message = "The second attempt leaves the zone of the subnet, or keeps the instance type."
  }
}

run "a_network_elsewhere_is_refused" {
  command = plan
  variables {
    existing_network = "r006-vpc/eu-de-1/0717-subnet"
    zones            = []
  }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_subnet_alone_does_not_tell_its_network" {
  command = plan
  variables { existing_network = "0717-subnet" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_subnet_in_another_zone_than_named_is_refused" {
  command = plan
  variables { existing_network = "r006-vpc/us-south-2/0727-subnet" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_key_that_is_no_crn_is_refused" {
  command = plan
  variables { disk_kms_key = "k" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "private_addresses_need_a_network" {
  command = plan
  variables { private_addresses = true }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_resource_group_is_needed" {
  command = plan
  variables { facts = {} }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "the_instance_of_a_bucket_is_needed" {
  command = plan
  variables { access = { job-1-source = { scheme = "cos", bucket = "data", prefix = "", read = true, write = false } } }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_prefix_that_would_mean_more_is_refused" {
  command = plan
  variables {
    access = { job-1-source = { scheme = "cos", bucket = "data", prefix = "a*/", read = true, write = false } }
    facts  = { resource_group = "0123456789abcdef0123456789abcdef", "cos_instance/data" = "11111111-2222-4333-8444-555555555555" }
  }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "there_are_no_permissions_boundaries" {
  command = plan
  variables { permissions_boundary = "anything" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "there_is_no_arm" {
  command = plan
  variables { arch = "arm64" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_disk_has_at_most_250_gib" {
  command = plan
  variables { disk_gib = 251 }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_key_of_another_type_is_refused" {
  command = plan
  variables { ssh_public_key = "ecdsa-sha2-nistp256 AAAAE2Vj" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "names_have_63_characters" {
  command = plan
  variables { transfer_id = "20261122-164001-ab12cd-and-more-than-there-is-room-for" }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "an_unknown_zone_is_refused" {
  command = plan
  variables { zones = ["us-south-4"] }
  expect_failures = [data.ibm_is_zones.of_region]
}

run "a_type_that_no_zone_has_is_refused" {
  command = plan
  variables { instance_types = ["bx2-16x65"] }
  expect_failures = [output.gateways]
}

run "a_type_that_none_of_these_zones_has_is_refused" {
  command = plan
  variables {
    instance_types = ["bx3d-16x80"]
    zones          = ["us-south-3"]
  }
  expect_failures = [output.gateways]
}

run "a_region_without_the_image_is_refused" {
  command = plan
  override_data {
    target = data.ibm_is_images.available[0]
    values = { images = [{ name = "ibm-debian-12-10-minimal-amd64-1", id = "r006-debian" }] }
  }
  expect_failures = [output.gateways]
}

run "a_gateway_without_host_key_is_refused" {
  command = plan
  variables { host_keys = {} }
  expect_failures = [ibm_is_instance.gateway]
}

run "nobody_lets_everybody_in" {
  command = plan
  variables {
    ingress       = { all = "0.0.0.0/0" }
    operator_cidr = "0.0.0.0/0"
  }
  expect_failures = [var.ingress, var.operator_cidr]
}
