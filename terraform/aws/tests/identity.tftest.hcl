# What the gateways may do as themselves.

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

run "no_identity_where_nothing_is_to_be_opened" {
  assert {
    condition     = length(concat(aws_iam_role.gateways, aws_iam_role_policy.stores, aws_iam_instance_profile.gateways)) == 0
    error_message = "No identity is made."
  }
}

run "reading_below_a_prefix" {
  variables {
    access = { "0-source" = { scheme = "s3", bucket = "from", prefix = "logs/2030", read = true, write = false } }
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.stores[0].policy).Statement == [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:aws:s3:::from/logs/2030", "arn:aws:s3:::from/logs/2030/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["arn:aws:s3:::from"]
        Condition = { StringLike = { "s3:prefix" = ["logs/2030", "logs/2030/*"] } }
      },
    ]
    error_message = "A reader may read and list below its prefix, and not beside it."
  }
  assert {
    condition = (
      aws_iam_role.gateways[0].name == "skytf-20300131-100000-abcdef-us-east-1" && aws_iam_role.gateways[0].path == "/skytf/" &&
      aws_iam_role.gateways[0].permissions_boundary == null &&
      jsondecode(aws_iam_role.gateways[0].assume_role_policy).Statement[0].Principal.Service == "ec2.amazonaws.com"
    )
    error_message = "The role is named after the site, and only EC2 may take it."
  }
  assert {
    condition     = aws_instance.gateway["aws-us-east-1-0"].iam_instance_profile == "skytf-20300131-100000-abcdef-us-east-1"
    error_message = "The gateways are given the identity."
  }
}

run "writing_to_a_whole_bucket_with_a_key" {
  variables {
    access               = { "0-destination-0" = { scheme = "s3", bucket = "to", prefix = "/", read = false, write = true } }
    permissions_boundary = "arn:aws:iam::123456789012:policy/bound"
    store_kms_keys       = ["arn:aws:kms:us-east-1:123456789012:key/k"]
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.stores[0].policy).Statement == [
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:AbortMultipartUpload", "s3:PutObject"]
        Resource = ["arn:aws:s3:::to/*"]
      },
      {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["arn:aws:s3:::to"]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["*"] } }
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = ["arn:aws:kms:us-east-1:123456789012:key/k"]
        Condition = { StringLike = { "kms:ViaService" = "s3.*.amazonaws.com" } }
      },
    ]
    error_message = "A writer may write, look at what it wrote, and use the key through S3 only."
  }
  assert {
    condition     = aws_iam_role.gateways[0].permissions_boundary == "arn:aws:iam::123456789012:policy/bound"
    error_message = "The role is bounded."
  }
}

run "a_key_that_only_readers_need_encrypts_nothing" {
  variables {
    access         = { "0-source" = { scheme = "s3", bucket = "from", prefix = "", read = true, write = false } }
    store_kms_keys = ["arn:aws:kms:us-east-1:123456789012:key/k"]
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.stores[0].policy).Statement[2].Action == ["kms:Decrypt"]
    error_message = "A reader only decrypts."
  }
}

run "signs_in_a_prefix_that_mean_something_in_a_policy" {
  variables {
    access = { "0-source" = { scheme = "s3", bucket = "from", prefix = "a*b?c$/", read = true, write = false } }
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.stores[0].policy).Statement[0].Resource == ["arn:aws:s3:::from/a$${*}b$${?}c$${$}/*"]
    error_message = "They stand for themselves."
  }
}

run "the_users_own_identity" {
  variables {
    access   = { "0-source" = { scheme = "s3", bucket = "from", prefix = "", read = true, write = false } }
    identity = "arn:aws:iam::123456789012:instance-profile/team/movers"
  }
  assert {
    condition     = length(aws_iam_role.gateways) == 0 && aws_instance.gateway["aws-us-east-1-0"].iam_instance_profile == "movers"
    error_message = "It is taken, by name or ARN, and none is made."
  }
}

run "another_clouds_store" {
  command = plan
  variables {
    access = { "0-source" = { scheme = "gs", bucket = "from", prefix = "", read = true, write = false } }
  }
  expect_failures = [aws_iam_role.gateways]
}

run "a_key_alias" {
  command = plan
  variables {
    access         = { "0-source" = { scheme = "s3", bucket = "from", prefix = "", read = true, write = false } }
    store_kms_keys = ["alias/objects"]
  }
  expect_failures = [aws_iam_role.gateways]
}

run "a_boundary_that_is_no_policy" {
  command = plan
  variables {
    access               = { "0-source" = { scheme = "s3", bucket = "from", prefix = "", read = true, write = false } }
    permissions_boundary = "bound"
  }
  expect_failures = [aws_iam_role.gateways]
}

run "more_ends_than_a_policy_can_hold" {
  command = plan
  variables {
    access = { for number in range(40) : "${number}-source" => {
      scheme = "s3", bucket = "a-bucket-with-quite-a-long-name", prefix = "and/a/prefix/that/is/longer", read = true, write = false
    } }
  }
  expect_failures = [aws_iam_role_policy.stores]
}
