"""What data looks like: documents, Arrow tables, recipes, commits, decisions. Imports nothing of ours."""
