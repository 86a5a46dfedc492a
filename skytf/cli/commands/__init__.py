"""The commands, one per file; `skytf.cli.app.COMMANDS` lists them. They do not know each other."""
