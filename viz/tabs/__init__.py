"""The app's rooms: one selection, five tabs that show it. Gradio lives here; torch, files and models do not."""
