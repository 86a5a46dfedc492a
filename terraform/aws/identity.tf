# What the gateways may do as themselves: read or write the buckets and prefixes in `access`, and nothing else.

locals {
  makes_identity = var.identity == "" && length(var.access) > 0

  # In a policy "*", "?" and "$" mean something; a key may have them.
  keys = {
    for end, one in var.access : end =>
    one.prefix == "/" ? "" : replace(replace(replace(one.prefix, "$", "$${$}"), "*", "$${*}"), "?", "$${?}")
  }
  # "a/b" is one object or a folder, never its sibling "a/bc".
  patterns = {
    for end, key in local.keys : end => key == "" || endswith(key, "/") ? ["${key}*"] : [key, "${key}/*"]
  }
  buckets = { for end, one in var.access : end => "arn:${data.aws_partition.current.partition}:s3:::${one.bucket}" }

  statements = flatten([
    for end, one in var.access : concat(
      [{
        Effect   = "Allow"
        Action   = concat(["s3:GetObject"], one.write ? ["s3:AbortMultipartUpload", "s3:PutObject"] : [])
        Resource = [for pattern in local.patterns[end] : "${local.buckets[end]}/${pattern}"]
      }],
      # To look whether an object stands there already is a question without s3:prefix, which S3 answers with "no" only
      # to who may list; so a writer may ask it, a reader need not.
      [{
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [local.buckets[end]]
        Condition = { (one.write ? "StringLikeIfExists" : "StringLike") = { "s3:prefix" = local.patterns[end] } }
      }],
    )
  ])

  key_actions = concat(
    ["kms:Decrypt"],                                                             # to read, and to complete a multipart upload
    anytrue([for one in var.access : one.write]) ? ["kms:GenerateDataKey"] : [], # to write
  )
  key_statements = length(var.store_kms_keys) == 0 ? [] : [{
    Effect    = "Allow"
    Action    = local.key_actions
    Resource  = var.store_kms_keys
    Condition = { StringLike = { "kms:ViaService" = "s3.*.${data.aws_partition.current.dns_suffix}" } }
  }]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.statements, local.key_statements)
  })
}

resource "aws_iam_role" "gateways" {
  count = local.makes_identity ? 1 : 0

  name                  = local.site
  path                  = "/skytf/"
  description           = "Gateways of skytf transfer ${var.transfer_id} in ${var.region}"
  permissions_boundary  = var.permissions_boundary == "" ? null : var.permissions_boundary
  force_detach_policies = true
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
    }]
  })
  tags = merge(local.tags, { "Name" = local.site })

  lifecycle {
    precondition {
      condition     = alltrue([for one in var.access : one.scheme == "s3"])
      error_message = "An identity of AWS opens s3 only, not ${join(", ", [for one in var.access : one.scheme])}."
    }
    precondition {
      condition     = alltrue([for one in var.access : one.read || one.write])
      error_message = "An end in access neither reads nor writes."
    }
    precondition {
      condition     = alltrue([for key in var.store_kms_keys : can(regex("^arn:[^:]+:kms:[^:]+:[0-9]+:key/", key))])
      error_message = "store_kms_keys are ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID); AWS takes no aliases there."
    }
    precondition {
      condition     = var.permissions_boundary == "" || can(regex("^arn:[^:]+:iam::[^:]*:policy/", var.permissions_boundary))
      error_message = "permissions_boundary is the ARN of a policy (arn:aws:iam::...), not ${var.permissions_boundary}."
    }
  }
}

resource "aws_iam_role_policy" "stores" {
  count = local.makes_identity ? 1 : 0

  name   = local.site
  role   = one(aws_iam_role.gateways[*].name)
  policy = local.policy

  lifecycle {
    precondition {
      condition     = length(local.policy) <= 10240
      error_message = "The policy for ${length(var.access)} ends has more than AWS's 10240 characters: bring an identity."
    }
  }
}

resource "aws_iam_instance_profile" "gateways" {
  count = local.makes_identity ? 1 : 0

  name = local.site
  path = "/skytf/"
  role = one(aws_iam_role.gateways[*].name)
  tags = merge(local.tags, { "Name" = local.site })
}
