"""What only the build of the book needs: the Sphinx extension, execution and the checks of stored notebooks."""
