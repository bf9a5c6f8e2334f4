"""The API's description for programs and people, loaded by the first request for it: no other request pays."""
