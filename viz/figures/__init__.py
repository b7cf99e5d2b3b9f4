"""Arrays in, figures out: numpy, Plotly dictionaries, matplotlib and small HTML. No torch, no Gradio, no files but `export`."""
