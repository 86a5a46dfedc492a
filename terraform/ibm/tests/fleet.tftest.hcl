# One site with two gateways, as most transfers have it. Run by tests/terraform/test_ibm.py.

mock_provider "ibm" {
  mock_data "ibm_is_zones" {
    defaults = { zones = ["us-south-2", "us-south-1", "us-south-3"] }
  }
  mock_data "ibm_is_instance_profiles" {
    defaults = { profiles = [{ name = "bx2-16x64", zones = [] }, { name = "cx2-16x32", zones = [] }] }
  }
  mock_data "ibm_is_images" {
    defaults = {
      images = [
        { name = "ibm-debian-12-10-minimal-amd64-1", id = "r006-debian" },
        { name = "ibm-ubuntu-24-04-minimal-amd64-30", id = "r006-first" },
        { name = "ibm-ubuntu-24-04-10-minimal-amd64-9", id = "r006-older" },
        { name = "ibm-ubuntu-24-04-10-minimal-amd64-11", id = "r006-newest" },
        { name = "ibm-ubuntu-24-04-9-minimal-amd64-12", id = "r006-old" },
        { name = "ibm-ubuntu-24-04-11-minimal-s390x-2", id = "r006-mainframe" },
      ]
    }
  }
}

variables {
  access = {
    job-1-destination-0 = { scheme = "cos", bucket = "results", prefix = "run 7/", read = true, write = true }
    job-1-source        = { scheme = "cos", bucket = "data", prefix = "", read = true, write = false }
    job-2-source        = { scheme = "cos", bucket = "data", prefix = "", read = true, write = false }
    job-3-source        = { scheme = "s3", bucket = "elsewhere", prefix = "", read = true, write = false }
  }
  data_ports = { from = 28470, to = 28485 }
  expires_at = "2026-11-22T19:41:03Z"
  facts = {
    resource_group         = "0123456789abcdef0123456789abcdef"
    "cos_instance/data"    = "11111111-2222-4333-8444-555555555555"
    "cos_instance/results" = "crn:v1:bluemix:public:cloud-object-storage:global:a/123:66666666-2222-4333-8444-555555555555::"
  }
  gateways       = { ibm-us-south-0 = { index = 0 }, ibm-us-south-1 = { index = 1 } }
  host_keys      = { ibm-us-south-0 = "first host key", ibm-us-south-1 = "second host key", other = "none of this site" }
  ingress        = { aws-us-east-1-0 = "198.51.100.7/32", operator = "192.0.2.1/32" }
  operator_cidr  = "192.0.2.1/32"
  owner          = "Ada Lovelace@Example"
  region         = "us-south"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  tags           = { Team = "Data: Platform" }
  transfer_id    = "20261122-164001-ab12cd"
  ttl_minutes    = 180
}

run "network_of_its_own" {
  command = plan

  assert {
    condition     = ibm_is_vpc.own[0].name == "skytf-20261122-164001-ab12cd-us-south" && ibm_is_vpc.own[0].address_prefix_management == "auto"
    error_message = "The VPC is not called by the site, or its subnet has no addresses."
  }
  assert {
    condition     = ibm_is_subnet.own[0].zone == "us-south-1" && ibm_is_subnet.own[0].total_ipv4_address_count == 256
    error_message = "The subnet is not where the gateways are."
  }
  assert {
    condition = alltrue([for kind in [ibm_is_vpc.own[0], ibm_is_subnet.own[0], ibm_is_security_group.gateways, ibm_is_ssh_key.operator] : kind.tags == toset([
      "skytf-expires-at:2026-11-22t19-41-03z", "skytf-owner:ada-lovelace-example", "skytf-transfer-id:20261122-164001-ab12cd", "team:data- platform"
    ]) && kind.resource_group == "0123456789abcdef0123456789abcdef"])
    error_message = "What is made does not say whose it is."
  }
}

run "only_the_fleet_and_the_operator_get_in" {
  command = plan

  assert {
    condition     = "${ibm_is_security_group_rule.ssh.direction} ${ibm_is_security_group_rule.ssh.protocol} ${ibm_is_security_group_rule.ssh.remote} ${ibm_is_security_group_rule.ssh.port_min}-${ibm_is_security_group_rule.ssh.port_max}" == "inbound tcp 192.0.2.1/32 22-22"
    error_message = "SSH is open to others than the operator, or on another port."
  }
  assert {
    condition = { for id, rule in ibm_is_security_group_rule.ingress : id => "${rule.direction} ${rule.protocol} ${rule.remote} ${rule.port_min}-${rule.port_max}" } == {
      aws-us-east-1-0 = "inbound tcp 198.51.100.7/32 28470-28485"
      operator        = "inbound tcp 192.0.2.1/32 28470-28485"
    }
    error_message = "The data ports are not open to exactly the ingress."
  }
  assert {
    condition     = ibm_is_security_group_rule.own.direction == "inbound" && ibm_is_security_group_rule.own.protocol == "tcp" && ibm_is_security_group_rule.own.port_min == 28470 && ibm_is_security_group_rule.own.port_max == 28485
    error_message = "The site's gateways reach more of each other than the data ports, or less."
  }
  assert {
    condition     = alltrue([for rule in ibm_is_security_group_rule.egress : rule.direction == "outbound"])
    error_message = "A rule for what goes out lets somebody in."
  }
}

run "gateways" {
  command = plan

  assert {
    condition     = { for id, vm in ibm_is_instance.gateway : id => vm.name } == { ibm-us-south-0 = "skytf-20261122-164001-ab12cd-ibm-us-south-0", ibm-us-south-1 = "skytf-20261122-164001-ab12cd-ibm-us-south-1" }
    error_message = "The gateways are not called by their ids."
  }
  assert {
    condition     = { for id, address in ibm_is_floating_ip.gateway : id => address.name } == { for id, vm in ibm_is_instance.gateway : id => vm.name }
    error_message = "An address is not called like its gateway."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.zone == "us-south-1" && vm.profile == "bx2-16x64" && vm.image == "r006-newest"])
    error_message = "The first attempt does not take the first zone and type, or the image is not the newest."
  }
  assert {
    condition = ibm_is_instance.gateway["ibm-us-south-1"].tags == toset([
      "skytf-expires-at:2026-11-22t19-41-03z", "skytf-gateway:ibm-us-south-1", "skytf-owner:ada-lovelace-example",
      "skytf-transfer-id:20261122-164001-ab12cd", "team:data- platform"
    ])
    error_message = "The tags are not those of the fleet."
  }
  assert {
    condition     = alltrue([for id, vm in ibm_is_instance.gateway : vm.boot_volume[0].tags == vm.tags && vm.boot_volume[0].auto_delete_volume && ibm_is_floating_ip.gateway[id].tags == vm.tags])
    error_message = "A disk or an address would be left, or belong to nobody."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.boot_volume[0].size == 100 && length(vm.boot_volume[0].name) <= 63])
    error_message = "The image does not fit on the disk, or the disk's name is too long."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.metadata_service[0].enabled && vm.metadata_service[0].protocol == "https" && vm.metadata_service[0].response_hop_limit == 1])
    error_message = "The metadata service is open, or off although the VM needs its identity."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : !vm.primary_network_interface[0].allow_ip_spoofing && length(vm.availability) == 0 && vm.availability_policy[0].host_failure == "stop"])
    error_message = "A VM may pretend to be others, is taken away, or comes back after it died."
  }
  assert {
    condition     = alltrue([for id, vm in ibm_is_instance.gateway : strcontains(vm.user_data, var.host_keys[id]) && !strcontains(vm.user_data, "none of this site")])
    error_message = "A gateway does not get its host key, and only its own."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : strcontains(vm.user_data, "OnBootSec=180min") && strcontains(vm.user_data, "OnCalendar=2026-11-22 19:41:03 UTC") && strcontains(vm.user_data, "https://us-south.iaas.cloud.ibm.com/v1/instances/")])
    error_message = "The VM does not delete itself when its time has come."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : length(vm.user_data) < 16384 && can(yamldecode(vm.user_data))])
    error_message = "The user data is too long, or no YAML."
  }
  assert {
    condition     = ibm_is_ssh_key.operator.type == "ed25519"
    error_message = "The key is of another type."
  }
}

run "identity_is_what_access_says" {
  command = plan

  assert {
    condition = { for key, policy in ibm_iam_trusted_profile_policy.store : key => { for one in policy.resource_attributes : one.name => one.value } } == {
      "Object Lister, Object Reader data/" = {
        resource = "data", resourceType = "bucket", serviceInstance = "11111111-2222-4333-8444-555555555555", serviceName = "cloud-object-storage"
      }
      "Object Lister, Object Reader, Object Writer results/run 7/" = {
        resource = "results", resourceType = "bucket", serviceInstance = "66666666-2222-4333-8444-555555555555", serviceName = "cloud-object-storage"
      }
    }
    error_message = "The policies are not those of the two buckets."
  }
  assert {
    condition     = { for policy in ibm_iam_trusted_profile_policy.store : join(" ", policy.roles) => length(policy.rule_conditions) } == { "Object Lister Object Reader" = 0, "Object Lister Object Reader Object Writer" = 2 }
    error_message = "A source may be written to, or a destination is not limited to its prefix."
  }
  assert {
    condition = toset([for one in ibm_iam_trusted_profile_policy.store["Object Lister, Object Reader, Object Writer results/run 7/"].rule_conditions : "${one.key} ${one.operator} ${join(",", one.value)}"]) == toset([
      "{{resource.attributes.path}} stringMatch run 7/*", "{{resource.attributes.prefix}} stringMatch run 7/*"
    ])
    error_message = "The policy goes beyond the prefix, or ends before it."
  }
  assert {
    condition     = ibm_iam_trusted_profile_policy.store["Object Lister, Object Reader, Object Writer results/run 7/"].rule_operator == "or" && ibm_iam_trusted_profile_policy.store["Object Lister, Object Reader data/"].pattern == null
    error_message = "No request has both a path and a prefix."
  }
  assert {
    condition     = keys(ibm_iam_trusted_profile_policy.end) == ["ibm-us-south-0", "ibm-us-south-1"] && alltrue([for policy in ibm_iam_trusted_profile_policy.end : policy.roles == tolist(["Editor"])])
    error_message = "Not every gateway may delete itself."
  }
}

run "an_object_is_not_its_siblings" {
  command = plan

  variables {
    access = { job-1-source = { scheme = "cos", bucket = "data", prefix = "in/one", read = true, write = false } }
  }

  assert {
    condition     = alltrue([for one in ibm_iam_trusted_profile_policy.store["Object Lister, Object Reader data/in/one"].rule_conditions : one.operator == "stringMatchAnyOf" && one.value == tolist(["in/one", "in/one/*"])])
    error_message = "One object gives others away whose names begin like it."
  }
}

run "a_gateway_may_delete_itself_and_nothing_else" {
  assert {
    condition     = alltrue([for id, policy in ibm_iam_trusted_profile_policy.end : { for one in policy.resource_attributes : one.name => one.value } == { serviceName = "is", instanceId = ibm_is_instance.gateway[id].id }])
    error_message = "A gateway may change other things than itself."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.default_trusted_profile_target == ibm_iam_trusted_profile.gateways[0].id && vm.default_trusted_profile_auto_link])
    error_message = "The gateways do not have the identity that was made for them."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.primary_network_interface[0].security_groups == toset([ibm_is_security_group.gateways.id])])
    error_message = "A gateway is in another security group."
  }
}

run "no_access_is_no_access" {
  command = plan

  variables {
    access = {}
  }

  assert {
    condition     = length(ibm_iam_trusted_profile_policy.store) == 0 && length(ibm_iam_trusted_profile_policy.end) == 2
    error_message = "The gateways may do more than delete themselves, or less."
  }
}

run "identity_of_the_user" {
  command = plan

  variables {
    facts    = { resource_group = "0123456789abcdef0123456789abcdef" }
    identity = "Profile-8dd84246-7df4-4667-94e4-8cede51d5ac5"
  }

  assert {
    condition     = length(ibm_iam_trusted_profile.gateways) == 0 && length(ibm_iam_trusted_profile_policy.store) == 0 && length(ibm_iam_trusted_profile_policy.end) == 0
    error_message = "Somebody who brings an identity need not be able to make one."
  }
  assert {
    condition     = alltrue([for vm in ibm_is_instance.gateway : vm.default_trusted_profile_target == "Profile-8dd84246-7df4-4667-94e4-8cede51d5ac5"])
    error_message = "The VMs do not have the user's identity."
  }
}

run "outputs" {
  assert {
    condition     = { for id, one in output.gateways : id => "${one.ssh_user} ${one.ssh_port} ${one.region}" } == { ibm-us-south-0 = "skytf 22 us-south", ibm-us-south-1 = "skytf 22 us-south" }
    error_message = "It is not said how to reach the gateways."
  }
  assert {
    condition     = alltrue([for id, one in output.gateways : one.private_ip == ibm_is_instance.gateway[id].primary_network_interface[0].primary_ip[0].address && one.public_ip == ibm_is_floating_ip.gateway[id].address])
    error_message = "The addresses are not those of the VMs."
  }
  assert {
    condition     = alltrue([for id, address in ibm_is_floating_ip.gateway : address.target == ibm_is_instance.gateway[id].primary_network_interface[0].id])
    error_message = "An address leads to another gateway."
  }
}
