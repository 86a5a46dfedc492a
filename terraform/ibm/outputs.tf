output "gateways" {
  description = "How to reach each gateway, by id."
  value = {
    for id, vm in ibm_is_instance.gateway : id => {
      private_ip = vm.primary_network_interface[0].primary_ip[0].address
      public_ip  = var.private_addresses ? "" : ibm_is_floating_ip.gateway[id].address
      region     = var.region
      ssh_port   = local.ssh_port
      ssh_user   = "skytf"
    }
  }

  # Here, because it is said once, and before anything is created.
  precondition {
    condition     = length(local.places) > 0
    error_message = "No zone of ${var.region} among ${join(", ", local.zones)} has ${join(" or ", local.instance_types)}. Name another instance type, zone or region."
  }
  precondition {
    condition     = local.image != ""
    error_message = "${var.region} has no image of Ubuntu 24.04 that is available. Name one: image."
  }
}
