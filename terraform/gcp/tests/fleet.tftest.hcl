# One site with two gateways, as most transfers have it. Run by tests/terraform/test_gcp.py.

mock_provider "google" {
  mock_data "google_compute_zones" {
    defaults = { names = ["us-east1-d", "us-east1-b", "us-east1-c"] }
  }
  mock_data "google_compute_machine_types" {
    defaults = {
      machine_types = [
        { name = "n2-standard-16", accelerators = [], deprecated = [], description = "", guest_cpus = 16, is_shared_cpus = false, maximum_persistent_disks = 1, maximum_persistent_disks_size_gb = 1, memory_mb = 1, self_link = "" },
        { name = "n2d-standard-16", accelerators = [], deprecated = [], description = "", guest_cpus = 16, is_shared_cpus = false, maximum_persistent_disks = 1, maximum_persistent_disks_size_gb = 1, memory_mb = 1, self_link = "" },
      ]
    }
  }
  mock_data "google_compute_image" {
    defaults = { self_link = "projects/ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20260701" }
  }
}

variables {
  access = {
    job-1-destination-0 = { scheme = "gs", bucket = "results", prefix = "run \"7\"/", read = true, write = true }
    job-1-source        = { scheme = "gs", bucket = "data", prefix = "", read = true, write = false }
    job-2-source        = { scheme = "gs", bucket = "data", prefix = "", read = true, write = false }
    job-3-source        = { scheme = "s3", bucket = "elsewhere", prefix = "", read = true, write = false }
  }
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2026-11-22T19:41:03Z"
  facts          = { project = "example-project" }
  gateways       = { gcp-us-east1-0 = { index = 0 }, gcp-us-east1-1 = { index = 1 } }
  host_keys      = { gcp-us-east1-0 = "first host key", gcp-us-east1-1 = "second host key", other = "none of this site" }
  ingress        = { aws-us-east-1-0 = "198.51.100.7/32", operator = "192.0.2.1/32" }
  operator_cidr  = "192.0.2.1/32"
  owner          = "Ada Lovelace@Example"
  region         = "us-east1"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  tags           = { Team = "Data Platform" }
  transfer_id    = "20261122-164001-ab12cd"
  ttl_minutes    = 180
}

run "network_of_its_own" {
  command = plan

  assert {
    condition     = google_compute_network.own[0].name == "skytf-20261122-164001-ab12cd-us-east1"
    error_message = "The network is not called by the site."
  }
  assert {
    condition     = google_compute_network.own[0].auto_create_subnetworks == false
    error_message = "The network has subnetworks in regions where nothing is."
  }
  assert {
    condition     = google_compute_subnetwork.own[0].private_ip_google_access && google_compute_subnetwork.own[0].region == "us-east1"
    error_message = "There is no private route to Cloud Storage."
  }
  assert {
    condition     = google_compute_network.own[0].description == "skytf-transfer-id=20261122-164001-ab12cd skytf-owner=ada-lovelace-example skytf-expires-at=2026-11-22t19-41-03z"
    error_message = "What has no labels does not say whose it is."
  }
}

run "only_the_fleet_and_the_operator_get_in" {
  command = plan

  assert {
    condition     = google_compute_firewall.ssh.source_ranges == toset(["192.0.2.1/32"]) && one(google_compute_firewall.ssh.allow).ports == tolist(["22"])
    error_message = "SSH is open to others than the operator, or on another port."
  }
  assert {
    condition     = { for id, rule in google_compute_firewall.ingress : id => one(rule.source_ranges) } == { aws-us-east-1-0 = "198.51.100.7/32", operator = "192.0.2.1/32" }
    error_message = "The data ports are not open to exactly the ingress."
  }
  assert {
    condition     = alltrue([for rule in concat(values(google_compute_firewall.ingress), [google_compute_firewall.own]) : one(rule.allow).protocol == "tcp" && one(rule.allow).ports == tolist(["28470-28485"])])
    error_message = "A rule opens more than the data ports."
  }
  assert {
    condition     = google_compute_firewall.own.source_tags == toset(["skytf-20261122-164001-ab12cd-us-east1"]) && google_compute_firewall.own.source_ranges == null
    error_message = "The site's own gateways are not the only ones that come by its tag."
  }
  assert {
    condition = alltrue([
      for rule in concat(values(google_compute_firewall.ingress), [google_compute_firewall.own, google_compute_firewall.ssh]) :
      rule.target_tags == toset(["skytf-20261122-164001-ab12cd-us-east1"]) && rule.direction == "INGRESS" && length(rule.name) <= 63
    ])
    error_message = "A rule is for other machines too, or its name is too long."
  }
  assert {
    condition     = length(google_compute_firewall.refuse) == 0
    error_message = "In a network without rules there is one too many."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.tags == toset(["skytf-20261122-164001-ab12cd-us-east1"])])
    error_message = "The rules do not meet the gateways."
  }
}

run "gateways" {
  command = plan

  assert {
    condition     = { for id, vm in google_compute_instance.gateway : id => vm.name } == { gcp-us-east1-0 = "skytf-20261122-164001-ab12cd-gcp-us-east1-0", gcp-us-east1-1 = "skytf-20261122-164001-ab12cd-gcp-us-east1-1" }
    error_message = "The gateways are not called by their ids."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.zone == "us-east1-b" && vm.machine_type == "n2-standard-16"])
    error_message = "The first attempt does not take the first zone and type."
  }
  assert {
    condition = google_compute_instance.gateway["gcp-us-east1-1"].labels == tomap({
      skytf-expires-at  = "2026-11-22t19-41-03z"
      skytf-gateway     = "gcp-us-east1-1"
      skytf-owner       = "ada-lovelace-example"
      skytf-transfer-id = "20261122-164001-ab12cd"
      team              = "data-platform"
    })
    error_message = "The labels are not those of the fleet."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.boot_disk[0].initialize_params[0].labels == vm.labels && vm.boot_disk[0].auto_delete])
    error_message = "A disk would be left, or belong to nobody."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : alltrue([for text in values(vm.labels) : can(regex("^[a-z0-9_-]{0,63}$", text))])])
    error_message = "Google refuses such labels."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.scheduling[0].max_run_duration[0].seconds == 10800 && vm.scheduling[0].instance_termination_action == "DELETE"])
    error_message = "The API does not delete a VM after its time."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.scheduling[0].provisioning_model == "STANDARD" && !vm.scheduling[0].preemptible && vm.scheduling[0].on_host_maintenance == "MIGRATE"])
    error_message = "Somebody could take the VM away."
  }
  assert {
    condition = alltrue([
      for vm in google_compute_instance.gateway :
      vm.shielded_instance_config[0].enable_secure_boot && vm.shielded_instance_config[0].enable_vtpm && vm.shielded_instance_config[0].enable_integrity_monitoring
    ])
    error_message = "It is no shielded VM."
  }
  assert {
    condition = alltrue([
      for vm in google_compute_instance.gateway :
      vm.metadata["block-project-ssh-keys"] == "true" && vm.metadata["serial-port-enable"] == "FALSE" && vm.metadata["enable-oslogin"] == "FALSE"
    ])
    error_message = "There is another way in than the one key."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : length(vm.network_interface[0].access_config) == 1 && vm.network_interface[0].nic_type == "GVNIC"])
    error_message = "A gateway has no public address, or a slow network card."
  }
  assert {
    condition     = alltrue([for id, vm in google_compute_instance.gateway : strcontains(vm.metadata["user-data"], var.host_keys[id]) && !strcontains(vm.metadata["user-data"], "none of this site")])
    error_message = "A gateway does not get its host key, and only its own."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : strcontains(vm.metadata["user-data"], "OnBootSec=185min") && strcontains(vm.metadata["user-data"], "OnCalendar=2026-11-22 22:41:03 UTC")])
    error_message = "The timer in the VM comes before the API's limit."
  }
}

run "identity_is_what_access_says" {
  command = plan

  assert {
    condition     = can(regex("^skytf-[0-9a-f]{24}$", google_service_account.gateways[0].account_id)) && length(google_service_account.gateways[0].account_id) == 30
    error_message = "The service account's id is longer than 30 characters, or not ours."
  }
  assert {
    condition = { for grant in google_storage_bucket_iam_member.gateways : grant.bucket => grant.role } == {
      data    = "roles/storage.objectViewer"
      results = "roles/storage.objectUser"
    }
    error_message = "The grants are not those of the two buckets."
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.gateways["roles/storage.objectViewer data/"].condition) == 0
    error_message = "Without a prefix there is no condition."
  }
  assert {
    condition     = google_storage_bucket_iam_member.gateways["roles/storage.objectUser results/run \"7\"/"].condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/results/objects/run \\\"7\\\"/\") || api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"run \\\"7\\\"/\")"
    error_message = "The grant goes beyond the prefix, or ends before it."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.service_account[0].scopes == toset(["https://www.googleapis.com/auth/devstorage.read_write"])])
    error_message = "The VMs may do more than stores, or less than write."
  }
}

run "another_attempt_has_another_account" {
  command = plan

  variables {
    expires_at = "2026-11-22T19:51:03Z"
  }

  assert {
    condition     = google_service_account.gateways[0].account_id == "skytf-${substr(sha256("skytf-20261122-164001-ab12cd-us-east1 2026-11-22T19:51:03Z"), 0, 24)}"
    error_message = "Google would take the new account for the deleted one of an earlier attempt."
  }
}

run "reading_alone_is_no_writing" {
  command = plan

  variables {
    access = { job-1-source = { scheme = "gs", bucket = "data", prefix = "in/", read = true, write = false } }
  }

  assert {
    condition     = [for grant in google_storage_bucket_iam_member.gateways : grant.role] == ["roles/storage.objectViewer"]
    error_message = "A source may be written to."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.service_account[0].scopes == toset(["https://www.googleapis.com/auth/devstorage.read_only"])])
    error_message = "The VMs may write."
  }
}

run "an_object_is_not_its_siblings" {
  command = plan

  variables {
    access = { job-1-source = { scheme = "gs", bucket = "data", prefix = "in/one", read = true, write = false } }
  }

  assert {
    condition = split(" || ", google_storage_bucket_iam_member.gateways["roles/storage.objectViewer data/in/one"].condition[0].expression) == tolist([
      "resource.name == \"projects/_/buckets/data/objects/in/one\"",
      "resource.name.startsWith(\"projects/_/buckets/data/objects/in/one/\")",
      "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"in/one\")",
    ])
    error_message = "One object gives others away whose names begin like it."
  }
}

run "no_access_no_identity" {
  command = plan

  variables {
    access = {}
  }

  assert {
    condition     = length(google_service_account.gateways) == 0 && length(google_storage_bucket_iam_member.gateways) == 0
    error_message = "There is an identity that nothing needs."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : length(vm.service_account) == 0])
    error_message = "A VM has an identity that it does not need."
  }
}

run "identity_of_the_user" {
  command = plan

  variables {
    identity = "mover@example-project.iam.gserviceaccount.com"
  }

  assert {
    condition     = length(google_service_account.gateways) == 0 && length(google_storage_bucket_iam_member.gateways) == 0
    error_message = "Somebody who brings an identity need not be able to make one."
  }
  assert {
    condition     = alltrue([for vm in google_compute_instance.gateway : vm.service_account[0].email == "mover@example-project.iam.gserviceaccount.com"])
    error_message = "The VMs do not have the user's identity."
  }
}

run "outputs" {
  assert {
    condition     = { for id, one in output.gateways : id => "${one.ssh_user} ${one.ssh_port} ${one.region}" } == { gcp-us-east1-0 = "skytf 22 us-east1", gcp-us-east1-1 = "skytf 22 us-east1" }
    error_message = "It is not said how to reach the gateways."
  }
  assert {
    condition     = alltrue([for id, one in output.gateways : one.private_ip == google_compute_instance.gateway[id].network_interface[0].network_ip && one.public_ip == google_compute_instance.gateway[id].network_interface[0].access_config[0].nat_ip])
    error_message = "The addresses are not those of the VMs."
  }
}
