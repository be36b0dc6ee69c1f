"""Every verb a user can say, one transaction each; the only writer of wanted state; the access gate."""
