"""Golden items: stored items, messages and events as released code has written them, so that later code keeps their form.

Larger than a dozen because the values of each time of writing stay in a module of their own.
"""
