# The interface of every cloud's module: `terraform/<cloud>/variables.tf` is a link to this file.

variable "access" {
  description = "What the gateways may do to this cloud's stores, and nothing more; by end of a job."
  type = map(object({
    scheme = string
    bucket = string
    prefix = string
    read   = bool
    write  = bool
  }))
  default  = {}
  nullable = false
}

variable "arch" {
  description = "The processor of all instance types of this site."
  type        = string
  default     = "x86_64"
  nullable    = false
  validation {
    condition     = contains(["x86_64", "arm64"], var.arch)
    error_message = "The processor is x86_64 or arm64."
  }
}

variable "attempt" {
  description = "How often the site could not be created for want of capacity: counts through zones, then instance types."
  type        = number
  default     = 0
  nullable    = false
  validation {
    condition     = var.attempt >= 0 && floor(var.attempt) == var.attempt
    error_message = "An attempt is a whole number from 0 on."
  }
}

variable "data_ports" {
  description = "First and last port the gateways listen on for each other."
  type        = object({ from = number, to = number })
  nullable    = false
  validation {
    condition     = var.data_ports.from >= 1 && var.data_ports.from <= var.data_ports.to && var.data_ports.to <= 65535
    error_message = "The data ports are a range within 1 to 65535, from <= to."
  }
}

variable "disk_gib" {
  description = "Size of a gateway's disk. Objects never touch it."
  type        = number
  default     = 30
  nullable    = false
  validation {
    condition     = var.disk_gib >= 10 && floor(var.disk_gib) == var.disk_gib
    error_message = "A disk has 10 GiB or more, in whole GiB."
  }
}

variable "disk_kms_key" {
  description = "The user's key for the disks; empty for the cloud's own."
  type        = string
  default     = ""
  nullable    = false
}

variable "existing_network" {
  description = "The subnet that the gateways join; empty for a network of their own."
  type        = string
  default     = ""
  nullable    = false
}

variable "expires_at" {
  description = "When nobody should need the fleet any more, RFC 3339; a tag for whoever cleans up."
  type        = string
  nullable    = false
  validation {
    condition     = can(formatdate("YYYY", var.expires_at))
    error_message = "The expiry is a time such as 2030-01-31T12:00:00Z."
  }
}

variable "facts" {
  description = "What only a look-up in the account gives, by name; cloud.toml says which this cloud wants."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "gateways" {
  description = "The gateways of this site by id. The index counts them over all sites of the cloud."
  type        = map(object({ index = number }))
  nullable    = false
  validation {
    condition     = alltrue([for id in keys(var.gateways) : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", id))])
    error_message = "A gateway id is at most 63 lower-case letters, digits and hyphens."
  }
}

variable "host_keys" {
  description = "One-use bootstrap host keys by gateway id: ed25519 private keys in OpenSSH form, replaced in the first session."
  type        = map(string)
  nullable    = false
  sensitive   = true
}

variable "identity" {
  description = "The user's own identity for the gateways; empty for one that may do what `access` says."
  type        = string
  default     = ""
  nullable    = false
}

variable "image" {
  description = "The machine image, pinned; empty for the newest Ubuntu 24.04."
  type        = string
  default     = ""
  nullable    = false
}

variable "ingress" {
  description = "Who may reach the data ports: gateway id to CIDR."
  type        = map(string)
  nullable    = false
  validation {
    condition     = alltrue([for cidr in values(var.ingress) : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "An ingress is a CIDR such as 192.0.2.1/32, and never everybody."
  }
}

variable "instance_types" {
  description = "The instance type, and those to take instead where it is sold out; empty for the cloud's default."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "operator_cidr" {
  description = "Who may reach SSH."
  type        = string
  nullable    = false
  validation {
    condition     = can(cidrhost(var.operator_cidr, 0)) && !endswith(var.operator_cidr, "/0")
    error_message = "The operator's address is a CIDR such as 192.0.2.1/32, and never everybody."
  }
}

variable "owner" {
  description = "Whose fleet this is; a tag."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "A policy that bounds what the gateways' identity may ever do, where the cloud has such a thing."
  type        = string
  default     = ""
  nullable    = false
}

variable "private_addresses" {
  description = "Whether the gateways have no public address; then existing_network brings the routes."
  type        = bool
  default     = false
  nullable    = false
}

variable "region" {
  description = "The region, as the cloud names it; of this machine any name, for example a."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]*$", var.region))
    error_message = "A region is lower-case letters, digits and hyphens."
  }
}

variable "spot" {
  description = "Whether the gateways may be taken away at any time, for less money."
  type        = bool
  default     = false
  nullable    = false
}

variable "ssh_port" {
  description = "Port of the SSH servers; on this machine 0 is any free port, and another number a base that a gateway's index is added to."
  type        = number
  default     = 0
  nullable    = false
  validation {
    condition     = var.ssh_port >= 0 && var.ssh_port <= 65535
    error_message = "The SSH port is within 0 to 65535."
  }
}

variable "ssh_public_key" {
  description = "Public key that may log in, one line as in authorized_keys."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+", var.ssh_public_key))
    error_message = "The SSH public key is one line such as: ssh-ed25519 AAAA..."
  }
}

variable "store_kms_keys" {
  description = "The user's keys that the objects at the ends in `access` are encrypted with."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "tags" {
  description = "More tags for everything that is created."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transfer_id" {
  description = "The transfer that the fleet belongs to; a tag, and part of every name."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,62}$", var.transfer_id))
    error_message = "A transfer id is at most 63 lower-case letters, digits and hyphens."
  }
}

variable "ttl_minutes" {
  description = "A gateway ends itself this many minutes after it was booted, whatever became of the operator."
  type        = number
  nullable    = false
  validation {
    condition     = var.ttl_minutes > 0
    error_message = "The time to live is more than 0 minutes."
  }
}

variable "zones" {
  description = "The zones that may be used, the first one first; empty for all that have the instance type."
  type        = list(string)
  default     = []
  nullable    = false
}
