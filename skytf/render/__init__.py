"""What a bundle shows: the Terraform root module and PLAN.md. The only place that knows jinja2."""
