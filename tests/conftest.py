"""What all tests share: quiet threads, tiny real models, small real videos."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
