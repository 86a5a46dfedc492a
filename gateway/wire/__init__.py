"""What travels between gateways: frames and messages, sealed, over connections that come back."""
