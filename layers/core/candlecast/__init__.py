"""The shared package. Its version is the API's and the changelog's, too; nothing else is here, since every start imports it."""

__version__ = "0.3.0"
