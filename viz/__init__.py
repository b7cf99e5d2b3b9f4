"""What people see: `figures` turns arrays into figures, `tabs` puts them on the page."""
