# What a user may choose, and what is refused. Run by tests/terraform/test_gcp.py.

mock_provider "google" {
  mock_data "google_compute_zones" {
    defaults = { names = ["us-east1-b", "us-east1-c", "us-east1-d"] }
  }
  mock_data "google_compute_machine_types" {
    defaults = {
      machine_types = [
        { name = "n2-standard-16", accelerators = [], deprecated = [], description = "", guest_cpus = 16, is_shared_cpus = false, maximum_persistent_disks = 1, maximum_persistent_disks_size_gb = 1, memory_mb = 1, self_link = "" },
        { name = "c4-standard-16", accelerators = [], deprecated = [], description = "", guest_cpus = 16, is_shared_cpus = false, maximum_persistent_disks = 1, maximum_persistent_disks_size_gb = 1, memory_mb = 1, self_link = "" },
      ]
    }
  }
  mock_data "google_compute_subnetwork" {
    defaults = {
      network   = "https://www.googleapis.com/compute/v1/projects/host-project/global/networks/shared"
      region    = "us-east1"
      self_link = "https://www.googleapis.com/compute/v1/projects/host-project/regions/us-east1/subnetworks/gateways"
    }
  }
}

variables {
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2026-11-22T19:41:03Z"
  facts          = { project = "example-project" }
  gateways       = { gcp-us-east1-0 = { index = 0 } }
  host_keys      = { gcp-us-east1-0 = "host key" }
  ingress        = {}
  instance_types = ["n2-standard-16", "c4-standard-16"]
  operator_cidr  = "192.0.2.1/32"
  owner          = "ada"
  region         = "us-east1"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  transfer_id    = "20261122-164001-ab12cd"
  ttl_minutes    = 60
  zones          = ["us-east1-d", "us-east1-b"]
}

run "first_attempt" {
  command = plan
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].zone == "us-east1-d" && google_compute_instance.gateway["gcp-us-east1-0"].machine_type == "n2-standard-16"
    error_message = "The first zone named is not the first one taken."
  }
}

run "second_attempt_takes_the_next_zone" {
  command = plan
  variables { attempt = 1 }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].zone == "us-east1-b" && google_compute_instance.gateway["gcp-us-east1-0"].machine_type == "n2-standard-16"
    error_message = "The second attempt does not take the second zone."
  }
}

run "third_attempt_takes_the_next_type" {
  command = plan
  variables { attempt = 2 }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].zone == "us-east1-d" && google_compute_instance.gateway["gcp-us-east1-0"].machine_type == "c4-standard-16"
    error_message = "The third attempt does not take the second instance type."
  }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].boot_disk[0].initialize_params[0].type == "hyperdisk-balanced"
    error_message = "That series has no such disks."
  }
}

run "a_type_is_taken_only_where_it_is" {
  command = plan
  override_data {
    target = data.google_compute_machine_types.in_zone["us-east1-d"]
    values = { machine_types = [] }
  }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].zone == "us-east1-b"
    error_message = "A zone without the instance type is taken."
  }
}

run "spot" {
  command = plan
  variables { spot = true }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].scheduling[0].provisioning_model == "SPOT" && google_compute_instance.gateway["gcp-us-east1-0"].scheduling[0].preemptible && google_compute_instance.gateway["gcp-us-east1-0"].scheduling[0].on_host_maintenance == "TERMINATE" && !google_compute_instance.gateway["gcp-us-east1-0"].scheduling[0].automatic_restart
    error_message = "Google refuses such a spot VM."
  }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].scheduling[0].instance_termination_action == "DELETE"
    error_message = "A spot VM that was taken away stays as a disk."
  }
}

run "keys_ports_and_images_of_the_user" {
  command = plan
  variables {
    disk_gib     = 50
    disk_kms_key = "projects/p/locations/us-east1/keyRings/r/cryptoKeys/k"
    image        = "projects/example-project/global/images/gateway-7"
    ssh_port     = 2222
  }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].boot_disk[0].kms_key_self_link == "projects/p/locations/us-east1/keyRings/r/cryptoKeys/k" && google_compute_instance.gateway["gcp-us-east1-0"].boot_disk[0].initialize_params[0].size == 50
    error_message = "The disk is not encrypted with the user's key."
  }
  assert {
    condition     = google_compute_instance.gateway["gcp-us-east1-0"].boot_disk[0].initialize_params[0].image == "projects/example-project/global/images/gateway-7" && length(data.google_compute_image.newest) == 0
    error_message = "A pinned image is not what is taken."
  }
  assert {
    condition     = one(google_compute_firewall.ssh.allow).ports == tolist(["2222"]) && strcontains(google_compute_instance.gateway["gcp-us-east1-0"].metadata["user-data"], "Port 2222")
    error_message = "SSH is not where it was asked for."
  }
}

run "arm_gets_an_image_for_arm" {
  command = plan
  variables { arch = "arm64" }
  assert {
    condition     = data.google_compute_image.newest[0].family == "ubuntu-2404-lts-arm64" && data.google_compute_image.newest[0].project == "ubuntu-os-cloud"
    error_message = "The image does not run on that processor."
  }
}

run "network_of_the_user_without_public_addresses" {
  variables {
    existing_network  = "projects/host-project/regions/us-east1/subnetworks/gateways"
    private_addresses = true
  }
  assert {
    condition     = length(google_compute_network.own) == 0 && length(google_compute_subnetwork.own) == 0
    error_message = "A network was made although there is one."
  }
  assert {
    condition     = length(google_compute_instance.gateway["gcp-us-east1-0"].network_interface[0].access_config) == 0 && output.gateways["gcp-us-east1-0"].public_ip == ""
    error_message = "There is a public address."
  }
  assert {
    condition = alltrue([
      for rule in concat([google_compute_firewall.own, google_compute_firewall.ssh], values(google_compute_firewall.ingress)) :
      rule.priority < google_compute_firewall.refuse[0].priority
    ]) && google_compute_firewall.refuse[0].priority < 1000 && one(google_compute_firewall.refuse[0].deny).protocol == "all"
    error_message = "Rules of the user's network admit others."
  }
  assert {
    condition     = google_compute_firewall.refuse[0].source_ranges == toset(["0.0.0.0/0"]) && google_compute_firewall.refuse[0].target_tags == google_compute_firewall.ssh.target_tags
    error_message = "The last rule does not refuse all, or is for other machines too."
  }
  assert {
    condition     = google_compute_firewall.ssh.project == "host-project" && google_compute_instance.gateway["gcp-us-east1-0"].project == "example-project"
    error_message = "The rules of a shared VPC do not stand in its own project."
  }
}

run "a_network_by_its_name_is_one_of_the_region" {
  command = plan
  variables { existing_network = "gateways" }
  assert {
    condition     = data.google_compute_subnetwork.existing[0].name == "gateways" && data.google_compute_subnetwork.existing[0].region == "us-east1" && data.google_compute_subnetwork.existing[0].project == "example-project"
    error_message = "The network is looked for elsewhere."
  }
}

run "a_network_by_its_link_is_where_the_link_says" {
  command = plan
  variables { existing_network = "https://www.googleapis.com/compute/v1/projects/host-project/regions/us-east1/subnetworks/gateways" }
  assert {
    condition     = data.google_compute_subnetwork.existing[0].name == "gateways" && data.google_compute_subnetwork.existing[0].region == "us-east1" && data.google_compute_subnetwork.existing[0].project == "host-project"
    error_message = "The network is looked for elsewhere."
  }
}

run "a_network_of_another_form_is_refused" {
  command = plan
  variables { existing_network = "us-east1/gateways" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "a_network_elsewhere_is_refused" {
  command = plan
  variables { existing_network = "projects/p/regions/europe-west1/subnetworks/gateways" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "an_identity_of_another_form_is_refused" {
  command = plan
  variables { identity = "mover" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "a_key_of_another_form_is_refused" {
  command = plan
  variables { disk_kms_key = "k" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "private_addresses_need_a_network" {
  command = plan
  variables { private_addresses = true }
  expect_failures = [data.google_compute_zones.of_region]
}

run "a_project_is_needed" {
  command = plan
  variables { facts = {} }
  expect_failures = [data.google_compute_zones.of_region]
}

run "there_are_no_permissions_boundaries" {
  command = plan
  variables { permissions_boundary = "anything" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "names_have_63_characters" {
  command = plan
  variables { transfer_id = "20261122-164001-ab12cd-and-more-than-there-is-room-for" }
  expect_failures = [data.google_compute_zones.of_region]
}

run "the_longest_region_fits" {
  command = plan
  variables {
    gateways  = { gcp-northamerica-northeast1-15 = { index = 15 } }
    host_keys = { gcp-northamerica-northeast1-15 = "host key" }
    ingress   = { azure-germanywestcentral-15 = "198.51.100.7/32" }
    region    = "northamerica-northeast1"
    zones     = ["northamerica-northeast1-a"]
  }
  override_data {
    target = data.google_compute_zones.of_region
    values = { names = ["northamerica-northeast1-a"] }
  }
  assert {
    condition     = alltrue([for rule in google_compute_firewall.ingress : length(rule.name) == 63])
    error_message = "The longest name is not as long as was reckoned."
  }
}

run "an_unknown_zone_is_refused" {
  command = plan
  variables { zones = ["us-east1-a"] }
  expect_failures = [data.google_compute_zones.of_region]
}

run "a_type_that_no_zone_has_is_refused" {
  command = plan
  variables { instance_types = ["n2-standard-17"] }
  expect_failures = [output.gateways]
}

run "a_tag_that_can_be_no_label_is_refused" {
  command = plan
  variables { tags = { "7th" = "x" } }
  expect_failures = [data.google_compute_zones.of_region]
}

run "a_gateway_without_host_key_is_refused" {
  command = plan
  variables { host_keys = {} }
  expect_failures = [google_compute_instance.gateway]
}

run "more_than_120_days_are_refused" {
  command = plan
  variables { ttl_minutes = 200000 }
  expect_failures = [data.google_compute_zones.of_region]
}

run "nobody_lets_everybody_in" {
  command = plan
  variables {
    ingress       = { all = "0.0.0.0/0" }
    operator_cidr = "0.0.0.0/0"
  }
  expect_failures = [var.ingress, var.operator_cidr]
}
