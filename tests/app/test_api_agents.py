"""The verbs as tools of an agent: a real MCP client against the served app."""

import asyncio
import base64
import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image

from tests.app.conftest import INSTRUCTIONS, NUM_FRAMES
from tests.app.test_api import CLIP, VERBS


@pytest.fixture(scope="module")
def tools(served):
    """Give a function that lists the tools (no name) or calls one."""

    async def ask(name, arguments):
        streams = streamablehttp_client(f"{served}/gradio_api/mcp/")
        async with streams as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await (session.call_tool(name, arguments) if name else session.list_tools())

    with ThreadPoolExecutor(1) as thread:  # where the browser's tests run, this thread has an event loop already
        yield lambda name=None, **arguments: thread.submit(asyncio.run, ask(name, arguments)).result()


def facts(result) -> dict:
    assert not result.isError, result.content[0].text
    return json.loads(result.content[0].text)


def test_every_verb_is_a_tool_whose_arguments_are_explained(tools):
    listed = {tool.name: tool for tool in tools().tools}
    assert set(listed) == VERBS
    for tool in listed.values():
        assert len(tool.description) > 20 and "Returns:" in tool.description
        for name, schema in tool.inputSchema["properties"].items():
            assert schema["description"] and ("type" in schema or "enum" in schema or "anyOf" in schema), name
    assert listed["encode"].inputSchema["required"] == ["clip", "t"]


def test_an_agent_looks_searches_and_dreams(tools):
    clip = facts(tools("clips"))["clips"][3]["clip"]
    seen = facts(tools("encode", clip=clip, t=6))
    assert facts(tools("decode", clip=clip, t=6))["tokens"] == seen["tokens"]
    assert facts(tools("index", query=seen["tokens"].split("-")[0]))["num_transitions"] == 48
    dreamed = tools("rollout", clip=clip, t=6, instruction=INSTRUCTIONS[0], num_steps=2)
    steps = facts(dreamed)["steps"]
    assert [step["picture"] for step in steps] == [{"file": f"step_{i}.png", "number": i + 1} for i in (0, 1)]
    pictures = [part for part in dreamed.content if part.type == "image"]
    assert [Image.open(io.BytesIO(base64.b64decode(p.data))).size for p in pictures] == [(128, 128)] * 2


def test_a_picture_can_also_be_fetched_where_the_answer_says(tools, served):
    said = tools("decode", clip=CLIP, t=6).content[-1].text
    address = said[said.index("http") :]
    assert address.startswith(served)
    with urllib.request.urlopen(address) as answer:
        assert answer.read().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("encode", {"clip": CLIP, "t": 99}, "Frame 99 is outside"),
        ("encode", {"clip": CLIP, "t": "soon"}, "not of type 'integer'"),
        ("encode", {"t": 3}, "'clip' is a required property"),
        ("export", {"what": "everything"}, "is not one of"),
        ("decode", {"clip": CLIP, "t": 3, "tokens": "9-9-9-9"}, "codes 0 to 7"),
        ("run", {}, "Unknown tool"),
    ],
)
def test_an_agent_is_told_what_it_did_wrong(tools, verb, arguments, said):
    result = tools(verb, **arguments)
    assert result.isError and said in result.content[0].text


def test_an_agent_brings_a_video_in_every_way_it_can(tools, served, clips_folder):
    content = (clips_folder / "episode_004.mp4").read_bytes()
    inline = "data:video/mp4;base64," + base64.b64encode(content).decode("ascii")
    for video in (inline, post_file(served, content)):
        taken = facts(tools("upload", video=video))
        assert taken["num_frames"] == NUM_FRAMES
        assert facts(tools("encode", clip=taken["clip"], t=3))["clip"] == taken["clip"]


def post_file(served: str, content: bytes) -> str:
    """Upload as `gradio upload-mcp` does; return the address that it hands to the agent."""
    edge = "----lapa"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="../../a.mp4"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    request = urllib.request.Request(f"{served}/gradio_api/upload", body, kind)
    with urllib.request.urlopen(request) as answer:
        return f"{served}/gradio_api/file={json.load(answer)[0]}"
