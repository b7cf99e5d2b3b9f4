"""Where frames come from: video files, folders of them, recorded data sets, and the pairs drawn from them."""
