"""Charts of a comparison as HTML and SVG: numbers in, text out.

The dashboard and the report show the same ones. Each function escapes the text it is given; each
picture says in words what it shows; nothing is fetched and nothing runs. `style.css` dresses them
below an element of class `ml-app` or `ml-report`, which sets the colours.
"""
