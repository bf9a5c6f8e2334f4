"""A release on its way: the table of releases, the plan that people review, the steps of a deployment, the bill of materials."""
