"""The rehearsal of a bad week: upgrade, roll back, lose the table, restore, and trade on; both books must agree at the end."""
