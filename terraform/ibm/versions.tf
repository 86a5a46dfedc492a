terraform {
  required_version = ">= 1.6"

  required_providers {
    ibm = {
      source  = "ibm-cloud/ibm"
      version = ">= 2.0, < 3.0"
    }
  }
}
