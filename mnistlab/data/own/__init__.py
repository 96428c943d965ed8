"""Your own files as a `Dataset`, whatever the layout of their arrays or columns."""
