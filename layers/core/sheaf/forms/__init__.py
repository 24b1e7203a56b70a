"""Forms: what they ask, how they are read from XForms XML and from spreadsheets."""
