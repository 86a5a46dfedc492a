variable "data_ports" {
  description = "First and last port the gateways listen on for each other. Loopback needs no rule for them."
  type        = object({ from = number, to = number })
  nullable    = false
  validation {
    condition     = var.data_ports.from >= 1 && var.data_ports.from <= var.data_ports.to && var.data_ports.to <= 65535
    error_message = "The data ports are a range within 1 to 65535, from <= to."
  }
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

variable "gateways" {
  description = "The gateways of this site by id. The index counts them over all sites of the cloud: a fixed ssh_port is a base it is added to."
  type = map(object({
    index         = optional(number, 0)
    instance_type = optional(string, "")
  }))
  nullable = false
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

variable "ingress" {
  description = "Who may reach the data ports: gateway id to CIDR. Loopback needs no rule for them."
  type        = map(string)
  nullable    = false
  validation {
    condition     = alltrue([for cidr in values(var.ingress) : can(cidrhost(cidr, 0))])
    error_message = "An ingress is a CIDR such as 192.0.2.1/32."
  }
}

variable "operator_cidr" {
  description = "Who may reach SSH. Loopback needs no rule for it."
  type        = string
  nullable    = false
  validation {
    condition     = can(cidrhost(var.operator_cidr, 0))
    error_message = "The operator's address is a CIDR such as 192.0.2.1/32."
  }
}

variable "owner" {
  description = "Whose fleet this is; a tag."
  type        = string
  nullable    = false
}

variable "region" {
  description = "The site on this machine, for example a."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]*$", var.region))
    error_message = "A region is lower-case letters, digits and hyphens."
  }
}

variable "ssh_port" {
  description = "Port of the SSH servers: 0 lets the machine choose, anything else is a base that a gateway's index is added to."
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
  description = "A gateway halts itself this many minutes after it was booted, whatever became of the operator."
  type        = number
  nullable    = false
  validation {
    condition     = var.ttl_minutes > 0
    error_message = "The time to live is more than 0 minutes."
  }
}
