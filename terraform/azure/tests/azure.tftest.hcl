mock_provider "azurerm" {
  override_during = plan

  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/made"
      principal_id = "99999999-2222-3333-4444-555555555555"
    }
  }
  mock_resource "azurerm_resource_group" {
    defaults = { id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/group" }
  }
  mock_resource "azurerm_network_interface" {
    defaults = { private_ip_address = "10.213.0.4" }
  }
  mock_resource "azurerm_public_ip" {
    defaults = { ip_address = "198.51.100.4" }
  }
  mock_data "azurerm_virtual_network" {
    defaults = { location = "westeurope", subnets = ["gateways", "other"] }
  }
}

variables {
  data_ports     = { from = 28470, to = 28485 }
  expires_at     = "2026-11-22T19:41:03Z"
  facts          = { subscription = "11111111-2222-3333-4444-555555555555" }
  gateways       = { "azure-westeurope-0" = { index = 0 }, "azure-westeurope-1" = { index = 1 } }
  host_keys      = { "azure-westeurope-0" = "BOOTSTRAP-0", "azure-westeurope-1" = "BOOTSTRAP-1" }
  ingress        = { "aws-us-east-1-0" = "198.51.100.7/32", "gcp-us-central1-0" = "198.51.100.9/32" }
  operator_cidr  = "192.0.2.1/32"
  owner          = "tester"
  region         = "westeurope"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test"
  tags           = { team = "data", skytf-owner = "somebody else" }
  transfer_id    = "20261122-164001-ab12cd"
  ttl_minutes    = 90
}

run "everything_is_named_and_tagged" {
  command = plan

  assert {
    condition     = azurerm_resource_group.site.name == "skytf-20261122-164001-ab12cd-westeurope"
    error_message = "The group is named for the transfer and the region."
  }
  assert {
    condition = alltrue([for id in ["azure-westeurope-0", "azure-westeurope-1"] : alltrue([
      azurerm_linux_virtual_machine.gateway[id].name == "skytf-20261122-164001-ab12cd-${id}",
      azurerm_linux_virtual_machine.gateway[id].os_disk[0].name == "skytf-20261122-164001-ab12cd-${id}",
      azurerm_network_interface.gateway[id].name == "skytf-20261122-164001-ab12cd-${id}",
      azurerm_public_ip.gateway[id].name == "skytf-20261122-164001-ab12cd-${id}",
      azurerm_linux_virtual_machine.gateway[id].tags["skytf-gateway"] == id,
      azurerm_network_interface.gateway[id].tags["skytf-gateway"] == id,
      azurerm_public_ip.gateway[id].tags["skytf-gateway"] == id,
    ])])
    error_message = "What belongs to a gateway is named for it."
  }
  assert {
    condition = alltrue([for tags in [
      azurerm_resource_group.site.tags, azurerm_virtual_network.site[0].tags, azurerm_network_security_group.site.tags,
      azurerm_user_assigned_identity.site[0].tags, azurerm_linux_virtual_machine.gateway["azure-westeurope-0"].tags,
      azurerm_network_interface.gateway["azure-westeurope-0"].tags, azurerm_public_ip.gateway["azure-westeurope-0"].tags,
      ] : alltrue([
        tags["skytf-transfer-id"] == "20261122-164001-ab12cd",
        tags["skytf-owner"] == "tester",
        tags["skytf-expires-at"] == "2026-11-22t19-41-03z",
        tags["team"] == "data",
    ])])
    error_message = "Everything that can carry tags does, and the user's replace none of ours."
  }
  assert {
    condition = alltrue([for text in [
      azurerm_role_definition.end[0].description, azurerm_role_assignment.end[0].description
    ] : strcontains(text, "skytf-transfer-id=20261122-164001-ab12cd") && strcontains(text, "skytf-owner=tester")])
    error_message = "What carries no tags is described."
  }
  assert {
    condition = output.gateways["azure-westeurope-1"] == {
      private_ip = "10.213.0.4"
      public_ip  = "198.51.100.4"
      region     = "westeurope"
      ssh_port   = 22
      ssh_user   = "skytf"
    }
    error_message = "The output says how to reach a gateway."
  }
}

run "a_vm_is_hardened" {
  command = plan

  assert {
    condition = alltrue([for vm in azurerm_linux_virtual_machine.gateway : alltrue([
      vm.secure_boot_enabled, vm.vtpm_enabled, vm.disable_password_authentication, !vm.allow_extension_operations,
      !vm.encryption_at_host_enabled, vm.priority == "Regular", vm.admin_username == "skytf",
      one(vm.admin_ssh_key).username == "skytf", vm.identity[0].type == "UserAssigned",
      vm.source_image_reference[0].publisher == "Canonical", vm.source_image_reference[0].sku == "server",
    ])])
    error_message = "Trusted launch, keys alone, no extensions."
  }
  assert {
    condition = alltrue([
      for id, vm in azurerm_linux_virtual_machine.gateway :
      strcontains(nonsensitive(base64decode(vm.custom_data)), "BOOTSTRAP-${substr(id, -1, 1)}")
    ])
    error_message = "Every VM gets its own bootstrap host key."
  }
  assert {
    condition = alltrue([
      for id, vm in azurerm_linux_virtual_machine.gateway : strcontains(
        nonsensitive(base64decode(vm.custom_data)),
        "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/skytf-20261122-164001-ab12cd-westeurope/providers/Microsoft.Compute/virtualMachines/skytf-20261122-164001-ab12cd-${id}?"
      )
    ])
    error_message = "A VM knows how to delete itself."
  }
  assert {
    condition = toset(azurerm_role_definition.end[0].permissions[0].actions) == toset(concat(
      ["Microsoft.Resources/subscriptions/resourceGroups/delete"],
      flatten([
        for kind in [
          "Compute/disks", "Compute/virtualMachines", "ManagedIdentity/userAssignedIdentities", "Network/networkInterfaces",
          "Network/networkSecurityGroups", "Network/publicIPAddresses", "Network/virtualNetworks",
        ] : ["Microsoft.${kind}/delete", "Microsoft.${kind}/read"]
      ]),
    ))
    error_message = "A gateway may end its site with all that is in it, and nothing else."
  }
  assert {
    condition     = azurerm_role_assignment.end[0].scope == azurerm_resource_group.site.id && azurerm_role_definition.end[0].scope == "/subscriptions/11111111-2222-3333-4444-555555555555"
    error_message = "A gateway may end its own site alone, and the role can be found when the site's group is gone."
  }
}

run "the_firewall_admits_the_operator_and_the_fleet" {
  command = plan

  assert {
    condition     = azurerm_network_security_rule.ssh.source_address_prefix == "192.0.2.1/32" && azurerm_network_security_rule.ssh.destination_port_range == "22"
    error_message = "SSH is for the operator."
  }
  assert {
    condition = { for id, rule in azurerm_network_security_rule.ingress : id => [rule.source_address_prefix, rule.destination_port_range, rule.access] } == {
      "aws-us-east-1-0"   = ["198.51.100.7/32", "28470-28485", "Allow"]
      "gcp-us-central1-0" = ["198.51.100.9/32", "28470-28485", "Allow"]
    }
    error_message = "The data ports are for those that were named."
  }
  assert {
    condition     = azurerm_network_security_rule.site.source_address_prefixes == toset(["10.213.0.4"]) && azurerm_network_security_rule.site.destination_port_range == "28470-28485"
    error_message = "The data ports are for the site's own gateways too, by their addresses."
  }
  assert {
    condition = length(distinct(concat(
      [azurerm_network_security_rule.ssh.priority, azurerm_network_security_rule.site.priority, azurerm_network_security_rule.deny.priority],
      [for rule in azurerm_network_security_rule.ingress : rule.priority],
    ))) == 5
    error_message = "No two rules have the same priority."
  }
  assert {
    condition = alltrue([
      azurerm_network_security_rule.deny.access == "Deny", azurerm_network_security_rule.deny.protocol == "*",
      azurerm_network_security_rule.deny.source_address_prefix == "*",
      azurerm_network_security_rule.deny.priority > max([for rule in azurerm_network_security_rule.ingress : rule.priority]...),
    ])
    error_message = "Everything else is refused, after what is admitted."
  }
  assert {
    condition     = keys(azurerm_network_interface_security_group_association.gateway) == ["azure-westeurope-0", "azure-westeurope-1"]
    error_message = "Every gateway's interface has the firewall."
  }
}

run "an_ssh_port_of_ones_own_is_opened_and_told" {
  command = plan
  variables { ssh_port = 2022 }

  assert {
    condition     = azurerm_network_security_rule.ssh.destination_port_range == "2022" && output.gateways["azure-westeurope-0"].ssh_port == 2022
    error_message = "One port in the firewall and in the output."
  }
}

run "the_first_attempt_takes_the_first_zone_and_type" {
  command = plan

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.zone == "1" && vm.size == "Standard_D8s_v5"])
    error_message = "Zone 1, the default type, for all of them."
  }
}

run "later_attempts_take_other_zones_first" {
  command = plan
  variables {
    attempt        = 1
    zones          = ["3", "2"]
    instance_types = ["Standard_D16s_v5", "Standard_D32s_v5"]
  }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.zone == "2" && vm.size == "Standard_D16s_v5"])
    error_message = "The second of two zones."
  }
}

run "and_then_other_types" {
  command = plan
  variables {
    attempt        = 2
    zones          = ["3", "2"]
    instance_types = ["Standard_D16s_v5", "Standard_D32s_v5"]
  }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.zone == "3" && vm.size == "Standard_D32s_v5"])
    error_message = "The first zone again, the second type."
  }
}

run "the_last_type_stays_the_last" {
  command = plan
  variables { attempt = 99 }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.size == "Standard_F8s_v2"])
    error_message = "There is none after it."
  }
}

run "a_region_without_zones_names_none" {
  command = plan
  variables {
    region  = "westus"
    attempt = 1
  }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.zone == null && vm.size == "Standard_D8ds_v5"])
    error_message = "Every attempt is another type."
  }
}

run "a_zone_that_the_region_does_not_have" {
  command = plan
  variables {
    region = "westus"
    zones  = ["1"]
  }
  expect_failures = [azurerm_linux_virtual_machine.gateway]
}

run "spot_is_an_option" {
  command = plan
  variables { spot = true }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.priority == "Spot" && vm.eviction_policy == "Delete" && vm.max_bid_price == -1])
    error_message = "An evicted VM is deleted, and the price is not bounded below the normal one."
  }
}

run "an_image_is_pinned_by_urn" {
  command = plan
  variables { image = "Canonical:ubuntu-24_04-lts:server:24.04.202611010" }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.source_image_reference[0].version == "24.04.202611010" && vm.source_image_id == null])
    error_message = "That version."
  }
}

run "or_by_id" {
  command = plan
  variables { image = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/mine" }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.source_image_id == var.image && length(vm.source_image_reference) == 0])
    error_message = "That image."
  }
}

run "an_image_that_is_neither" {
  command = plan
  variables { image = "ubuntu" }
  expect_failures = [azurerm_linux_virtual_machine.gateway]
}

run "an_identity_that_is_no_id" {
  command = plan
  variables { identity = "mover" }
  expect_failures = [azurerm_resource_group.site]
}

run "a_disk_key_that_is_no_encryption_set" {
  command = plan
  variables { disk_kms_key = "https://vault.vault.azure.net/keys/k" }
  expect_failures = [azurerm_resource_group.site]
}

run "arm_needs_a_type" {
  command = plan
  variables { arch = "arm64" }
  expect_failures = [azurerm_linux_virtual_machine.gateway]
}

run "arm_takes_its_own_image" {
  command = plan
  variables {
    arch           = "arm64"
    instance_types = ["Standard_D8ps_v6"]
  }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.source_image_reference[0].sku == "server-arm64"])
    error_message = "Canonical's image for ARM."
  }
}

run "a_disk_that_is_smaller_than_the_image" {
  command = plan
  variables { disk_gib = 20 }
  expect_failures = [azurerm_linux_virtual_machine.gateway]
}

run "a_missing_host_key" {
  command = plan
  variables { host_keys = { "azure-westeurope-0" = "BOOTSTRAP-0" } }
  expect_failures = [azurerm_linux_virtual_machine.gateway["azure-westeurope-1"]]
}

run "a_kind_of_ssh_key_that_azure_does_not_take" {
  command = plan
  variables { ssh_public_key = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= test" }
  expect_failures = [azurerm_linux_virtual_machine.gateway]
}

run "the_users_key_encrypts_the_disks" {
  command = plan
  variables {
    disk_kms_key = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.Compute/diskEncryptionSets/mine"
    facts        = { subscription = "11111111-2222-3333-4444-555555555555", encryption_at_host = "Registered" }
  }

  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.os_disk[0].disk_encryption_set_id == var.disk_kms_key && vm.encryption_at_host_enabled])
    error_message = "The disk encryption set, and encryption at the host where the subscription has it."
  }
}

run "without_access_there_are_no_rights_to_stores" {
  command = plan

  assert {
    condition     = length(azurerm_role_assignment.read) + length(azurerm_role_assignment.write) + length(azurerm_role_definition.write) == 0
    error_message = "Neither roles nor assignments."
  }
}

run "access_is_given_per_container_and_prefix" {
  command = plan
  variables {
    facts = {
      subscription           = "11111111-2222-3333-4444-555555555555"
      "storage_account/inn"  = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/inn"
      "storage_account/outt" = "/subscriptions/22222222-2222-3333-4444-555555555555/resourceGroups/more/providers/Microsoft.Storage/storageAccounts/outt"
    }
    access = {
      "job-0-source"      = { scheme = "azure", bucket = "inn/raw", prefix = "a/", read = true, write = false }
      "job-1-source"      = { scheme = "azure", bucket = "inn/raw", prefix = "b/", read = true, write = false }
      "job-2-source"      = { scheme = "azure", bucket = "inn/raw", prefix = "b/one", read = true, write = false }
      "job-0-destination" = { scheme = "azure", bucket = "outt/copy", prefix = "c/", read = false, write = true }
      "job-1-destination" = { scheme = "azure", bucket = "outt/all", prefix = "", read = true, write = true }
    }
  }

  assert {
    condition = { for bucket, one in azurerm_role_assignment.read : bucket => one.scope } == {
      "inn/raw"  = "${var.facts["storage_account/inn"]}/blobServices/default/containers/raw"
      "outt/all" = "${var.facts["storage_account/outt"]}/blobServices/default/containers/all"
    }
    error_message = "Reading is given where it was asked for, on containers, not on accounts."
  }
  assert {
    condition     = keys(azurerm_role_assignment.write) == ["outt/all", "outt/copy"]
    error_message = "Writing is given where it was asked for."
  }
  assert {
    condition = alltrue(flatten([for prefix in ["a/", "b/"] : [
      strcontains(azurerm_role_assignment.read["inn/raw"].condition, "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith '${prefix}'"),
      strcontains(azurerm_role_assignment.read["inn/raw"].condition, "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix] StringStartsWith '${prefix}'"),
    ]]))
    error_message = "Both prefixes of a container stand in the one condition that Azure allows it, for reading and for listing."
  }
  assert {
    condition = alltrue([
      strcontains(azurerm_role_assignment.read["inn/raw"].condition, "blobs:path] StringEquals 'b/one' OR @Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith 'b/one/'"),
      !strcontains(azurerm_role_assignment.read["inn/raw"].condition, "blobs:path] StringStartsWith 'b/one'"),
    ])
    error_message = "One blob gives others away whose names begin like it."
  }
  assert {
    condition     = azurerm_role_assignment.write["outt/copy"].condition == "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'}) AND !(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith 'c/'))"
    error_message = "Writing is bounded by the prefix."
  }
  assert {
    condition = alltrue([
      azurerm_role_assignment.write["outt/copy"].condition_version == "2.0", azurerm_role_assignment.read["outt/all"].condition == null,
    ])
    error_message = "A condition has its version, and a whole container has none."
  }
  assert {
    condition = alltrue([
      !anytrue([for action in azurerm_role_definition.write[0].permissions[0].data_actions : endswith(action, "/delete") || endswith(action, "*")]),
      toset(azurerm_role_definition.write[0].assignable_scopes) == toset(["/subscriptions/22222222-2222-3333-4444-555555555555/resourceGroups/more"]),
    ])
    error_message = "Who writes does not delete, and the role is for the accounts' groups alone."
  }
}

run "a_storage_account_that_nobody_looked_up" {
  command = plan
  variables {
    access = { "job-0-source" = { scheme = "azure", bucket = "inn/raw", prefix = "", read = true, write = false } }
  }
  expect_failures = [azurerm_user_assigned_identity.site]
}

run "more_prefixes_than_a_condition_can_hold" {
  command = plan
  variables {
    facts = {
      subscription          = "11111111-2222-3333-4444-555555555555"
      "storage_account/inn" = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/inn"
    }
    access = { for n in range(40) : "job-${n}-source" => { scheme = "azure", bucket = "inn/raw", prefix = "folder-${n}/", read = true, write = false } }
  }
  expect_failures = [azurerm_user_assigned_identity.site]
}

run "a_prefix_that_would_break_out_of_its_condition" {
  command = plan
  variables {
    facts = {
      subscription          = "11111111-2222-3333-4444-555555555555"
      "storage_account/inn" = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/inn"
    }
    access = { "job-0-source" = { scheme = "azure", bucket = "inn/raw", prefix = "a' OR 'a", read = true, write = false } }
  }
  expect_failures = [azurerm_user_assigned_identity.site]
}

run "an_identity_of_the_user_gets_nothing" {
  command = plan
  variables {
    identity = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/mine/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine"
    access   = { "job-0-source" = { scheme = "azure", bucket = "inn/raw", prefix = "", read = true, write = true } }
  }

  assert {
    condition = length(azurerm_user_assigned_identity.site) + length(azurerm_role_definition.end) + length(azurerm_role_definition.write) + length(
      azurerm_role_assignment.end
    ) + length(azurerm_role_assignment.read) + length(azurerm_role_assignment.write) == 0
    error_message = "No identity is made, and no role is given."
  }
  assert {
    condition     = alltrue([for vm in azurerm_linux_virtual_machine.gateway : vm.identity[0].identity_ids == toset([var.identity])])
    error_message = "The VMs have the user's."
  }
}

run "an_existing_network_is_joined" {
  command = plan
  variables {
    existing_network  = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/corp/subnets/gateways"
    private_addresses = true
  }

  assert {
    condition     = length(azurerm_virtual_network.site) + length(azurerm_subnet.site) + length(azurerm_subnet_network_security_group_association.site) + length(azurerm_public_ip.gateway) == 0
    error_message = "No network is made, the user's subnet is not touched, and there are no public addresses."
  }
  assert {
    condition     = alltrue([for nic in azurerm_network_interface.gateway : nic.ip_configuration[0].subnet_id == var.existing_network && nic.ip_configuration[0].public_ip_address_id == null])
    error_message = "The gateways are in the subnet, without public addresses."
  }
  assert {
    condition     = data.azurerm_virtual_network.existing[0].name == "corp" && data.azurerm_virtual_network.existing[0].resource_group_name == "net"
    error_message = "Its network is looked up."
  }
  assert {
    condition     = output.gateways["azure-westeurope-0"].public_ip == "" && length(azurerm_network_interface_security_group_association.gateway) == 2
    error_message = "There is no public address to tell, and there is a firewall."
  }
}

run "an_existing_network_elsewhere" {
  command = plan
  variables {
    region           = "northeurope"
    existing_network = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/corp/subnets/gateways"
  }
  expect_failures = [data.azurerm_virtual_network.existing]
}

run "a_subnet_that_is_not_there" {
  command = plan
  variables {
    existing_network = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/corp/subnets/none"
  }
  expect_failures = [data.azurerm_virtual_network.existing]
}

run "an_existing_network_that_is_no_subnet" {
  command = plan
  variables { existing_network = "corp" }
  expect_failures = [data.azurerm_virtual_network.existing]
}

run "private_addresses_need_a_network" {
  command = plan
  variables { private_addresses = true }
  expect_failures = [azurerm_resource_group.site]
}

run "a_subscription_that_nobody_looked_up" {
  command = plan
  variables { facts = {} }
  expect_failures = [azurerm_resource_group.site]
}

run "names_that_are_too_long" {
  command = plan
  variables { transfer_id = "a-transfer-id-that-is-a-good-deal-longer-than-ours" }
  expect_failures = [azurerm_resource_group.site]
}

run "what_azure_does_not_have" {
  command = plan
  variables { permissions_boundary = "policy" }
  expect_failures = [azurerm_resource_group.site]
}

run "what_azure_does_not_need" {
  command = plan
  variables { store_kms_keys = ["key"] }
  expect_failures = [azurerm_resource_group.site]
}
