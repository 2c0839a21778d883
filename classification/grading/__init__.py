"""How sensitive is a record, and who says so? By codes; scanning of free text comes later."""
