"""AutoGen on the OpenAI dialect (/v1/chat/completions), told where by its environment alone."""
import asyncio
import json
import sys

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient


async def weather_in(city: str) -> str:
    """The weather in a city."""
    return f"rainy in {city}"


async def main() -> None:
    task = json.load(sys.stdin)
    able = {"vision": False, "function_calling": True, "json_output": True, "structured_output": True, "family": "unknown"}
    client = OpenAIChatCompletionClient(model="default", model_info=able)
    agent = AssistantAgent("assistant", model_client=client, tools=[weather_in], reflect_on_tool_use=True)
    result = await agent.run(task=task["instructions"])
    print(result.messages[-1].content)
    await client.close()


asyncio.run(main())
