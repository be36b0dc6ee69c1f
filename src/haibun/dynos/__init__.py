"""Formation to dynos: plan, place, restart; attaches clients to one-off dynos."""
