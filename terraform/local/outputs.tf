output "gateways" {
  description = "How to reach each gateway, by id."
  value = {
    for id, boot in terraform_data.boot : id => {
      private_ip = "127.0.0.1"
      public_ip  = "127.0.0.1"
      region     = var.region
      # Read once `boot` is applied: its output is unknown before, and with it the path. A VM that is gone answers on no port.
      ssh_port = try(tonumber(trimspace(file("${path.root}/${boot.output}.port"))), 0)
      ssh_user = "skytf"
    }
  }
}
