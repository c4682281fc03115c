"""What starts a deployed flow when something has happened: objects of Argo Events."""
