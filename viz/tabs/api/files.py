"""Files that pass through an endpoint: pictures and figures going out, a video coming in.

Gradio's own upload folder is the only place of the disk that is written to or read from; what lies in it is removed
after an hour, and with the app.
"""

from __future__ import annotations

import binascii
import io
import mimetypes
import re
from pathlib import Path
from urllib.parse import unquote

from gradio.processing_utils import save_base64_to_cache, save_bytes_to_cache, ssrf_protected_download
from gradio.utils import get_upload_folder
from PIL import Image

from lapa.types import Frame, LapaError
from viz.tabs.api.contract import File, UploadedFile

OWN_ADDRESS = re.compile(r"https?://[^?#]*/gradio_api/file=([^?#]+)")
"""Where Gradio's servers show an uploaded file; what `gradio upload-mcp` hands to agents."""


def picture_file(frame: Frame, name: str) -> File:
    """Return a picture as a PNG file to hand out."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "png")
    return file_of(buffer.getvalue(), f"{name}.png")


def file_of(content: bytes, name: str) -> File:
    """Return `content` as a file to hand out."""
    path = save_bytes_to_cache(content, name, get_upload_folder())
    kind = mimetypes.guess_type(name)[0]
    return File(path=path, url=None, orig_name=name, mime_type=kind, meta={"_type": "gradio.FileData"})


def take_in(video: str | UploadedFile) -> tuple[Path, str]:
    """Return where a caller's file lies, and its name.

    Raises:
        LapaError: if it was not uploaded to this app and cannot be fetched from a public address either.
    """
    if not isinstance(video, str):
        path = uploaded_path(video.get("path", ""))
        return path, video.get("orig_name") or path.name
    if video.startswith("data:"):
        path = _decoded(video)
    elif own := OWN_ADDRESS.fullmatch(video):
        path = uploaded_path(unquote(own[1]))
    elif video.startswith(("http://", "https://")):
        path = _fetched(video)
    else:
        path = uploaded_path(video)
    return path, path.name


def uploaded_path(text: str) -> Path:
    """Return the path of an uploaded file.

    Raises:
        LapaError: if it was not uploaded here, wherever the path, or a link on its way, leads.
    """
    folder = Path(get_upload_folder()).resolve()
    try:
        path = Path(text).resolve(strict=True)
    except (OSError, ValueError):
        path = folder
    if not path.is_file() or not path.is_relative_to(folder):
        raise LapaError(f"'{text[:40]}' was not uploaded to this app: upload a video, or give its public http address")
    return path


def _decoded(address: str) -> Path:
    try:
        if ";base64," not in address[:100]:
            raise ValueError
        return Path(save_base64_to_cache(address, get_upload_folder(), "video.mp4"))
    except (binascii.Error, ValueError):
        raise LapaError(f"'{address[:40]}' holds no file: expected data:video/mp4;base64, and the content") from None


def _fetched(address: str) -> Path:
    try:
        return Path(ssrf_protected_download(address, get_upload_folder()))
    except Exception as error:  # a stranger's address may fail in any way, also by being one of this network
        raise LapaError(
            f"'{address[:80]}' could not be fetched: give a public http address that answers, or upload the video"
        ) from error
