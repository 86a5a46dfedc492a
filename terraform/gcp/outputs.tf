output "gateways" {
  description = "How to reach each gateway, by id."
  value = {
    for id, vm in google_compute_instance.gateway : id => {
      private_ip = vm.network_interface[0].network_ip
      public_ip  = var.private_addresses ? "" : vm.network_interface[0].access_config[0].nat_ip
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
}
