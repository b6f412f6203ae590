"""OpenAI Agents, traced by opentelemetry-instrumentation-genai-openai-agents."""

import os

from agents import Agent, Runner, function_tool, set_default_openai_api


@function_tool
def lookup_order(order_id: str) -> str:
    """Look up an order by its id."""
    return f"order {order_id} has shipped"


set_default_openai_api("chat_completions")
agent = Agent(name="support_agent", model="gpt-4o-mini", tools=[lookup_order])
question = os.environ.get("QUESTION", "Where is my order A17?")
print(Runner.run_sync(agent, question).final_output)
