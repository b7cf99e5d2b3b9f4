"""Arrays in, figures out: numpy, Plotly dictionaries, matplotlib, small HTML. Only `export` writes files."""
