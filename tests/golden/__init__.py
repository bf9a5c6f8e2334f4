"""Golden items: stored items, messages and events as released code has written them, so that later code keeps their form."""
