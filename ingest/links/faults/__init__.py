"""What the errors of the libraries under a link mean, on each system: a `LinkFault` with its remedy. Nothing is opened."""
