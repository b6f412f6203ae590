"""Pydantic AI traces itself once `Agent.instrument_all()` is called."""

import os

from pydantic_ai import Agent

Agent.instrument_all()
agent = Agent("openai-chat:gpt-4o-mini", name="support_agent")


@agent.tool_plain
def lookup_order(order_id: str) -> str:
    """Look up an order by its id."""
    return f"order {order_id} has shipped"


question = os.environ.get("QUESTION", "Where is my order A17?")
print(agent.run_sync(question).output)
