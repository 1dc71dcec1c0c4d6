"""LangGraph on Ollama's dialect (/api/chat), told where by OLLAMA_HOST alone."""
import json
import sys

from langchain_ollama import ChatOllama
from langgraph.prebuilt import create_react_agent


def weather_in(city: str) -> str:
    """The weather in a city."""
    return f"rainy in {city}"


task = json.load(sys.stdin)
agent = create_react_agent(ChatOllama(model="default"), [weather_in])
print(agent.invoke({"messages": [("user", task["instructions"])]})["messages"][-1].content)
