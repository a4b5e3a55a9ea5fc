"""The web application: status page, API, metrics, push routes."""
