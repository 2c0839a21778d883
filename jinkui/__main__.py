"""How is the command line reached without its script? ``python -m jinkui``."""

from jinkui.cli.entry import main

main()
