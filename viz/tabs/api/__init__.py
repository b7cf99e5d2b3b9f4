"""The verbs of the app for programs: each one a named HTTP endpoint and, the same, a tool for agents (MCP).

`assets/docs/api.md` says how to call them. The docstrings of the verbs are what callers read, so they speak to callers.
"""

from viz.tabs.api.agents import answer_in_json as answer_in_json
from viz.tabs.api.blocks import AnsweringBlocks as AnsweringBlocks
from viz.tabs.api.endpoints import add_endpoints as add_endpoints
