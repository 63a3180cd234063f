"""What the end-to-end tests stand on: processes and homes, clients, small servers, the runner."""
