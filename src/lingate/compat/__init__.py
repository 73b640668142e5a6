"""Drop-ins for the names of other packages. Nothing is loaded before it is used."""
