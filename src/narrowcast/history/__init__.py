"""What data was and where it went: versions, differences, lineage, and deleting rows from every copy."""
