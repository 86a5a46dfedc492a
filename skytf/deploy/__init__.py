"""From a fleet that Terraform made to daemons that answer: SSH, trees, programs, keys. The only place with fabric."""
