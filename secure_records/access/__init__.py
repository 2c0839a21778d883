"""Who may see which fields of which records, for what purpose, and which clause says so?

Partner agreements and the roles of the hospital become one index of rules;
``decision.AccessPolicy`` answers from it. Default deny, a prohibition wins, and
what cannot be evaluated is refused and named.
"""
