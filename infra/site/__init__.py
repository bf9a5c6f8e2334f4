"""The site of the documents: `make docs` builds build/docs/site from the Markdown files as they stand in the repository.

Every page keeps its path, so a link that works in an editor works on the site. This room needs the environment `docs`.
"""
