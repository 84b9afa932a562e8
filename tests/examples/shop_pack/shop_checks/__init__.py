"""What the shop's team knows of its database."""
