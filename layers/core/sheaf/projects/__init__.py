"""Projects, the outermost grouping of forms and rights."""
