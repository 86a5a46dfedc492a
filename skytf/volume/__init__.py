"""How much passes where, and how often stores are asked: what a prediction and a bill are both computed from. Pure."""
