"""Arrays that another program wrote down: read, told apart by name, and laid out as the reference wants them."""
