"""How one dyno is run: driver.py is the seam."""
