"""Tables of small flows that have to give the same answer wherever they run."""
