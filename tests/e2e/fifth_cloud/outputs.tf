output "gateways" {
  description = "How to reach each gateway, by id."
  value = {
    for id, instance in aws_instance.gateway : id => {
      private_ip = instance.private_ip
      public_ip  = instance.public_ip
      region     = var.region
      ssh_port   = local.ssh_port
      ssh_user   = "skytf"
    }
  }
}
