"""What Sphinx loads to build the book: its extension, the pages that are computed, and assets for the browser."""
