"""Values and decisions, standard library only. A room imports only rooms below it, in the order of docs/ARCHITECTURE.md."""
