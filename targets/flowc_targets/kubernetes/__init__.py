"""What Kubernetes gets, for every engine that runs on it: pods, and the rules for what is in them."""
