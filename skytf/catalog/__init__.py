"""The catalog: dated, sourced figures in CSV tables, and the user's own rows before them."""
