# A gateway "VM" is an SSH server process on loopback: `python -m skytf.localvm`. The directory where VMs live and the
# interpreter come from the environment of terraform (SKYTF_LOCAL_ROOT, SKYTF_PYTHON), so nothing here, in a plan or in
# the state names a path of this machine.
#
# Each gateway is two resources, because Terraform runs no destroy provisioner of a tainted resource: an interrupted
# boot would leave its process behind. `vm` is created before anything runs, so halting never depends on how booting went.

resource "terraform_data" "vm" {
  for_each = var.gateways

  # All that a destroy provisioner may read is self: this says whom to halt.
  input            = "${var.transfer_id}/${each.key}"
  triggers_replace = [var.transfer_id, var.ssh_port, var.ssh_public_key]

  provisioner "local-exec" {
    when    = destroy
    command = "exec \"$SKYTF_PYTHON\" -P -m skytf.localvm halt \"$HALT_VM\" --port-file \"$HALT_PORT_FILE\""
    environment = {
      HALT_PORT_FILE = "${path.root}/${self.id}.port"
      HALT_VM        = self.input
    }
  }
}

resource "terraform_data" "boot" {
  for_each = var.gateways

  input            = terraform_data.vm[each.key].id
  triggers_replace = terraform_data.vm[each.key].id

  lifecycle {
    precondition {
      condition     = contains(nonsensitive(keys(var.host_keys)), each.key)
      error_message = "There is no bootstrap host key for gateway ${each.key}."
    }
  }

  # A provisioner's environment is kept neither in the state nor in a process's arguments.
  provisioner "local-exec" {
    command = "exec \"$SKYTF_PYTHON\" -P -m skytf.localvm boot"
    environment = {
      SKYTF_VM_AUTHORIZED_KEY = var.ssh_public_key
      SKYTF_VM_EXPIRES_AT     = var.expires_at
      SKYTF_VM_HOST_KEY       = var.host_keys[each.key]
      SKYTF_VM_ID             = "${var.transfer_id}/${each.key}"
      SKYTF_VM_OWNER          = var.owner
      SKYTF_VM_PORT_FILE      = "${path.root}/${terraform_data.vm[each.key].id}.port"
      SKYTF_VM_SSH_PORT       = var.ssh_port == 0 ? 0 : var.ssh_port + each.value.index
      SKYTF_VM_TAGS           = jsonencode(var.tags)
      SKYTF_VM_TTL_MINUTES    = var.ttl_minutes
    }
  }
}
