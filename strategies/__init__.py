"""Built-in strategies, one file each. Adding one is adding one file: its class has the file's name as `name`."""
