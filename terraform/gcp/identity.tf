# What the gateways may do: exactly what `access` says, on the bucket, for keys that begin with the prefix. A gateway
# that opens no bucket here has no identity at all; the API ends it, so it needs none for that.

locals {
  ends          = [for end in values(var.access) : end if end.scheme == "gs" && (end.read || end.write)]
  makes_account = var.identity == "" && length(local.ends) > 0
  account       = local.makes_account ? google_service_account.gateways[0].email : var.identity
  member        = local.makes_account ? google_service_account.gateways[0].member : ""

  # Replacing an object is deleting the old one, and a resumed transfer looks at what stands there: no smaller role has
  # all of that. Reading is listing and getting.
  grants = {
    for grant in distinct([
      for end in local.ends : {
        bucket = end.bucket
        prefix = end.prefix
        role   = end.write ? "roles/storage.objectUser" : "roles/storage.objectViewer"
      }
    ]) : "${grant.role} ${grant.bucket}/${grant.prefix}" => grant if local.makes_account
  }

  # How IAM calls what is in a bucket.
  objects = { for key, grant in local.grants : key => "projects/_/buckets/${grant.bucket}/objects/" }

  # The ceiling above all grants, also those of an account that the user brought.
  scope = anytrue(local.ends[*].write) ? "devstorage.read_write" : "devstorage.read_only"
}

resource "google_service_account" "gateways" {
  count = local.makes_account ? 1 : 0

  # At most 30 characters: the name of the site does not fit, a digest of it does. With the expiry, which every attempt
  # has anew: a grant may go on to mean the deleted account of an earlier attempt, if this one had the same name.
  account_id   = "skytf-${substr(sha256("${local.site} ${var.expires_at}"), 0, 24)}"
  display_name = local.site
  description  = local.description
  project      = local.project
}

# Without a prefix without a condition: a condition needs uniform bucket-level access, which not every bucket has.
resource "google_storage_bucket_iam_member" "gateways" {
  for_each = local.grants

  bucket = each.value.bucket
  role   = each.value.role
  member = local.member

  dynamic "condition" {
    for_each = each.value.prefix == "" ? [] : [each.value]
    content {
      title       = local.site
      description = local.description
      # "a/b" is one object or a folder, never its sibling "a/bc". A listing is a request to the bucket, not to an object:
      # its own attribute says which prefix was asked for.
      expression = join(" || ", concat(
        endswith(each.value.prefix, "/") ? [] : ["resource.name == ${jsonencode("${local.objects[each.key]}${each.value.prefix}")}"],
        ["resource.name.startsWith(${jsonencode("${local.objects[each.key]}${trimsuffix(each.value.prefix, "/")}/")})"],
        ["api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(${jsonencode(each.value.prefix)})"],
      ))
    }
  }
}
