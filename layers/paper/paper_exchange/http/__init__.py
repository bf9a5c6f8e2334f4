"""The venue's dialect on HTTP: the application, what stands before each request, and answers as the venue words them."""
