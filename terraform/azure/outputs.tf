output "gateways" {
  description = "How to reach each gateway, by id."
  value = {
    for id, interface in azurerm_network_interface.gateway : id => {
      private_ip = interface.private_ip_address
      public_ip  = var.private_addresses ? "" : azurerm_public_ip.gateway[id].ip_address
      region     = var.region
      ssh_port   = local.ssh_port
      ssh_user   = "skytf"
    }
  }
}
