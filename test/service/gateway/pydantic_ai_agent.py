"""Pydantic AI on the OpenAI dialect (/v1/responses), told where by its environment alone."""
import json
import sys

from pydantic_ai import Agent


def weather_in(city: str) -> str:
    """The weather in a city."""
    return f"rainy in {city}"


task = json.load(sys.stdin)
agent = Agent("openai:default", tools=[weather_in])
print(agent.run_sync(task["instructions"]).output)
