"""OData 4: what was sent to a form as a feed of linked tables, in ODK Central's dialect."""
