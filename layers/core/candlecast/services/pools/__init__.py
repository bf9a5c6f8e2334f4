"""Reserve from an organisation's pool, settle, release and sweep."""
