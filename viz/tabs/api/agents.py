"""Makes answers to agents (MCP) readable: the facts as JSON, and every picture in them as a picture.

Gradio turns each public endpoint into a tool by itself, but prints a structured answer as Python would, with the
server's paths in it.
"""

from __future__ import annotations

import json
from typing import Any

from gradio_client.utils import is_file_obj_with_meta, traverse


def answer_in_json(server: Any) -> None:
    """Let Gradio's MCP server (`Blocks.mcp_server_obj`, after launch) answer in JSON, followed by the files."""
    plain = server.postprocess_output_data

    def postprocess(data: list[Any], root_url: str) -> list[Any]:
        return plain([part for value in data for part in readable(value)], root_url)

    server.postprocess_output_data = postprocess


def readable(value: Any) -> list[Any]:
    """Return an answer as JSON text in which each file stands by its name, and then the files."""
    files: list[dict[str, Any]] = []

    def name(file: dict[str, Any]) -> dict[str, Any]:
        files.append(file)
        return {"file": file.get("orig_name"), "number": len(files)}

    facts = traverse(value, name, is_file_obj_with_meta)
    return [json.dumps(facts, ensure_ascii=False), *files]
