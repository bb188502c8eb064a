"""The service: the champion behind an API and a page."""
