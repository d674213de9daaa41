"""The only code that touches disk or database: atomic files, named paths, tables, locks."""
