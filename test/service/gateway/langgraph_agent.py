"""LangGraph on the OpenAI dialect (/v1/chat/completions), told where by its environment alone."""
import json
import sys

from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent


def weather_in(city: str) -> str:
    """The weather in a city."""
    return f"rainy in {city}"


task = json.load(sys.stdin)
tools = [] if task["input"].get("no_tools") else [weather_in]
agent = create_react_agent(ChatOpenAI(model="default"), tools)
text = ""
for chunk, _ in agent.stream({"messages": [("user", task["instructions"])]}, stream_mode="messages"):
    text = text + chunk.text if chunk.type == "AIMessageChunk" else ""
print(text)
