# What the gateways may do: exactly what `access` says, in the bucket, for keys that begin with the prefix; and each may
# delete itself, for IBM Cloud ends no VM by its own clock.

locals {
  ends          = [for end in values(var.access) : end if end.scheme == "cos" && (end.read || end.write)]
  makes_profile = var.identity == ""
  profile       = local.makes_profile ? ibm_iam_trusted_profile.gateways[0].id : var.identity

  bucket_without_instance = distinct([
    for end in local.ends : end.bucket if local.makes_profile && lookup(var.facts, "cos_instance/${end.bucket}", "") == ""
  ])

  # The eighth part of a CRN is the GUID.
  instances = {
    for end in local.ends : end.bucket => try(split(":", var.facts["cos_instance/${end.bucket}"])[7], lookup(var.facts, "cos_instance/${end.bucket}", ""))...
  }

  # The three smallest roles. The larger ones have actions that know no prefix, and a condition would take those away.
  grants = {
    for grant in distinct([
      for end in local.ends : {
        bucket = end.bucket
        prefix = end.prefix
        roles  = concat(end.read ? ["Object Lister", "Object Reader"] : [], end.write ? ["Object Writer"] : [])
      }
    ]) : "${join(", ", grant.roles)} ${grant.bucket}/${grant.prefix}" => grant if local.makes_profile
  }

  # "a/b" is one object or a folder, never its sibling "a/bc".
  patterns = {
    for key, grant in local.grants :
    key => endswith(grant.prefix, "/") ? ["${grant.prefix}*"] : [grant.prefix, "${grant.prefix}/*"]
  }
}

resource "ibm_iam_trusted_profile" "gateways" {
  count = local.makes_profile ? 1 : 0

  name        = local.site
  description = local.description
}

resource "ibm_iam_trusted_profile_policy" "store" {
  for_each = local.grants

  iam_id      = ibm_iam_trusted_profile.gateways[0].iam_id
  roles       = each.value.roles
  description = local.description

  resource_attributes {
    name  = "serviceName"
    value = "cloud-object-storage"
  }
  resource_attributes {
    name  = "serviceInstance"
    value = local.instances[each.value.bucket][0]
  }
  resource_attributes {
    name  = "resourceType"
    value = "bucket"
  }
  resource_attributes {
    name  = "resource"
    value = each.value.bucket
  }

  # Of a request to an object the path counts, of a listing the prefix that is asked for. The provider sends one value as
  # a text and several as a list, and which operator IBM takes goes by that.
  dynamic "rule_conditions" {
    for_each = each.value.prefix == "" ? [] : ["path", "prefix"]
    content {
      key      = "{{resource.attributes.${rule_conditions.value}}}"
      operator = length(local.patterns[each.key]) == 1 ? "stringMatch" : "stringMatchAnyOf"
      value    = local.patterns[each.key]
    }
  }
  rule_operator = each.value.prefix == "" ? null : "or"
  pattern       = each.value.prefix == "" ? null : "attribute-based-condition:resource:literal-and-wildcard"
}

resource "ibm_iam_trusted_profile_policy" "end" {
  for_each = local.makes_profile ? var.gateways : {}

  iam_id      = ibm_iam_trusted_profile.gateways[0].iam_id
  roles       = ["Editor"]
  description = local.description

  resource_attributes {
    name  = "serviceName"
    value = "is"
  }
  resource_attributes {
    name  = "instanceId"
    value = ibm_is_instance.gateway[each.key].id
  }
}
