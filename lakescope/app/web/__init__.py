"""The web application: status page, API, metrics, push routes."""

from lakescope.app.web.app import create_app

__all__ = ["create_app"]
