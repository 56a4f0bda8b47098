"""The custom Functions that a model applies: each call seen as it happens, with what it gets and what it gives."""
