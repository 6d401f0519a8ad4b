"""One request after the other to a server: how it is made, waited for, understood when it is refused, and split."""
