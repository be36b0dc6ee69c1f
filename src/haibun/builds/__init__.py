"""Source to slug: runs build dynos and finishes builds."""
