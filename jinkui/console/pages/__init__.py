"""Which page answers which question? One file per page; a page is a pure function of a view."""
