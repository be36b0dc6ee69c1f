"""Who answers for which host: a table that HAProxy is kept equal to."""
