"""What every module uses and no user needs: checks of arguments, array libraries, files, ranges of numbers, threads."""
