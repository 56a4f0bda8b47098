"""Calling styles: every way to write a forward and a backward, turned into one :class:`Problem`."""

from gradcheck.layers.network import adapt_network
from gradcheck.layers.recognise import STYLES, adapt, adapt_forward
from gradcheck.layers.update import Update, from_update

__all__ = ["STYLES", "Update", "adapt", "adapt_forward", "adapt_network", "from_update"]
