"""How a person decides about a call: what they are asked, over which channel, and what their answer is bound to."""
