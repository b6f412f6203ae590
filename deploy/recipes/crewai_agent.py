"""CrewAI, traced by openinference-instrumentation-crewai; the crew itself knows nothing of it."""

import os

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool


@tool("lookup_order")
def lookup_order(order_id: str) -> str:
    """Look up an order by its id."""
    return f"order {order_id} has shipped"


agent = Agent(
    role="support_agent",
    goal="Say where an order is",
    backstory="You know every order.",
    llm=LLM(model="gpt-4o-mini"),
    tools=[lookup_order],
)
question = os.environ.get("QUESTION", "Where is my order A17?")
task = Task(description=question, expected_output="One sentence.", agent=agent)
print(Crew(name="support", agents=[agent], tasks=[task]).kickoff().raw)
