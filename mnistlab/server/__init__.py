"""The dashboard as a web app. `options` is cheap to import; `app` loads the whole server."""
