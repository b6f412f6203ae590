"""LangGraph, traced by openinference-instrumentation-langchain; the agent itself knows nothing of it."""

import os

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def lookup_order(order_id: str) -> str:
    """Look up an order by its id."""
    return f"order {order_id} has shipped"


agent = create_agent(ChatOpenAI(model="gpt-4o-mini"), [lookup_order], name="support_agent")
question = os.environ.get("QUESTION", "Where is my order A17?")
print(agent.invoke({"messages": [("user", question)]})["messages"][-1].content)
