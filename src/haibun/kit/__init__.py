"""Helpers that know no noun of Haibun's: clock, ids, back-off, the keyed loop, hints."""
