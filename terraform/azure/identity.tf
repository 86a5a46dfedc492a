# What the gateways may do in Azure: end themselves, and what `access` says of containers. A user's identity is taken as
# it is, and given nothing.

locals {
  # Azure holds one assignment per role and scope, so the prefixes of one container share its condition.
  containers = {
    for one in var.identity == "" ? values(var.access) : [] : one.bucket => one...
  }
  accounts = {
    for bucket in keys(local.containers) : bucket => lookup(var.facts, "storage_account/${split("/", bucket)[0]}", "")
  }
  scopes = {
    for bucket, account in local.accounts :
    bucket => "${account}/blobServices/default/containers/${try(split("/", bucket)[1], "")}"
  }
  reads  = { for bucket, ends in local.containers : bucket => [for end in ends : end.prefix if end.read] }
  writes = { for bucket, ends in local.containers : bucket => [for end in ends : end.prefix if end.write] }

  readable = toset([for bucket, prefixes in local.reads : bucket if length(prefixes) > 0])
  writable = toset([for bucket, prefixes in local.writes : bucket if length(prefixes) > 0])
  # A role can be made for resource groups, not for a single account in one.
  writable_groups = distinct([
    for bucket in local.writable : try(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+", local.accounts[bucket]), "")
  ])

  blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
  # Which blobs a prefix means: "a/b" is one blob or a folder, never its sibling "a/bc".
  paths = {
    for prefix in distinct([for one in values(var.access) : one.prefix]) : prefix => join(" OR ", concat(
      endswith(prefix, "/") ? [] : ["@Resource[${local.blobs}:path] StringEquals '${prefix}'"],
      ["@Resource[${local.blobs}:path] StringStartsWith '${trimsuffix(prefix, "/")}/'"],
    ))
  }
  # No condition where one of the prefixes is empty: the whole container.
  read_conditions = {
    for bucket in local.readable : bucket => contains(local.reads[bucket], "") ? null : join(" AND ", [
      "((!(ActionMatches{'${local.blobs}/read'} AND NOT SubOperationMatches{'Blob.List'})) OR (${join(" OR ", [
        for prefix in distinct(local.reads[bucket]) : local.paths[prefix]
      ])}))",
      "((!(ActionMatches{'${local.blobs}/read'} AND SubOperationMatches{'Blob.List'})) OR (${join(" OR ", [
        for prefix in distinct(local.reads[bucket]) : "@Request[${local.blobs}:prefix] StringStartsWith '${prefix}'"
      ])}))",
    ])
  }
  write_conditions = {
    for bucket in local.writable : bucket => contains(local.writes[bucket], "") ? null : join(" OR ", [
      "((!(ActionMatches{'${local.blobs}/write'}) AND !(ActionMatches{'${local.blobs}/add/action'}))",
      "(${join(" OR ", [
        for prefix in distinct(local.writes[bucket]) : local.paths[prefix]
      ])}))",
    ])
  }

  # The kinds of what a site's group holds.
  in_group = concat(
    [for kind in ["disks", "virtualMachines"] : "Microsoft.Compute/${kind}"],
    ["Microsoft.ManagedIdentity/userAssignedIdentities"],
    [
      for kind in ["networkInterfaces", "networkSecurityGroups", "publicIPAddresses", "virtualNetworks"] :
      "Microsoft.Network/${kind}"
    ],
  )

  identity_id = var.identity == "" ? azurerm_user_assigned_identity.site[0].id : var.identity
}

resource "azurerm_user_assigned_identity" "site" {
  count = var.identity == "" ? 1 : 0

  name                = local.site
  location            = azurerm_resource_group.site.location
  resource_group_name = azurerm_resource_group.site.name
  tags                = local.tags

  lifecycle {
    precondition {
      condition     = alltrue([for bucket in keys(local.containers) : can(regex("^[a-z0-9]{3,24}/[a-z0-9$-]{3,63}$", bucket))])
      error_message = "A bucket of Azure is ACCOUNT/CONTAINER; there is: ${join(", ", keys(local.containers))}"
    }
    precondition {
      condition = alltrue([
        for account in values(local.accounts) :
        can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Storage/storageAccounts/[^/]+$", account))
      ])
      error_message = "A fact is missing or is no resource id: ${join(", ", [for bucket in keys(local.containers) : "storage_account/${split("/", bucket)[0]}"])}. Find it with: az storage account show --name ACCOUNT --query id --output tsv"
    }
    precondition {
      condition     = alltrue([for one in values(var.access) : !strcontains(one.prefix, "'") && !strcontains(one.prefix, "\\")])
      error_message = "A prefix with a quote or a backslash cannot stand in a condition of Azure: choose another one, or bring an identity."
    }
    precondition {
      condition     = alltrue([for text in concat(values(local.read_conditions), values(local.write_conditions)) : try(length(text), 0) <= 8192])
      error_message = "The condition for the prefixes of one container has more than Azure's 8192 characters: take fewer prefixes at once, or bring an identity."
    }
  }
}

# A VM that only switches itself off is still paid for. It is given for the site's group alone, but belongs to the
# subscription: of a group that is gone Azure would find its roles no more, neither to destroy nor to reap them.
resource "azurerm_role_definition" "end" {
  count = var.identity == "" ? 1 : 0

  name              = "${local.site}-end"
  description       = "Lets the gateways end themselves. ${local.description}"
  scope             = "/subscriptions/${local.subscription}"
  assignable_scopes = ["/subscriptions/${local.subscription}"]

  # Who deletes a group must also be allowed to delete all that is in it, and Azure looks whether it is gone.
  permissions {
    actions = concat(
      ["Microsoft.Resources/subscriptions/resourceGroups/delete"],
      [for pair in setproduct(local.in_group, ["delete", "read"]) : "${pair[0]}/${pair[1]}"],
    )
  }
}

resource "azurerm_role_assignment" "end" {
  count = var.identity == "" ? 1 : 0

  description        = local.description
  scope              = azurerm_resource_group.site.id
  role_definition_id = azurerm_role_definition.end[0].role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.site[0].principal_id
  # Then Azure does not look the identity up in a directory that may not know it yet.
  principal_type = "ServicePrincipal"
}

resource "azurerm_role_assignment" "read" {
  for_each = local.readable

  description          = local.description
  scope                = local.scopes[each.key]
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.site[0].principal_id
  principal_type       = "ServicePrincipal"
  condition            = local.read_conditions[each.key]
  condition_version    = local.read_conditions[each.key] == null ? null : "2.0"
}

# Azure's own role for writing, Storage Blob Data Contributor, may delete blobs and the container too.
resource "azurerm_role_definition" "write" {
  count = length(local.writable) > 0 ? 1 : 0

  name              = "${local.site}-write"
  description       = "Lets the gateways write blobs. ${local.description}"
  scope             = local.writable_groups[0]
  assignable_scopes = local.writable_groups

  permissions {
    data_actions = ["${local.blobs}/add/action", "${local.blobs}/write"]
  }
}

resource "azurerm_role_assignment" "write" {
  for_each = local.writable

  description        = local.description
  scope              = local.scopes[each.key]
  role_definition_id = azurerm_role_definition.write[0].role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.site[0].principal_id
  principal_type     = "ServicePrincipal"
  condition          = local.write_conditions[each.key]
  condition_version  = local.write_conditions[each.key] == null ? null : "2.0"
}
