"""What is served under the names of metaflow and zenml. Nothing is imported here."""
