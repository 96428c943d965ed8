"""Figures as HTML and SVG text, for the dashboard and the report: numbers in, text out.

No widgets and no scripts. Every function escapes the text it is given.
"""
