"""The shapes of data: documents, Arrow tables, recipes, decisions. Imports no other package of Interloom."""
