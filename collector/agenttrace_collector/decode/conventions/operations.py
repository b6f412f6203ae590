"""How conventions and libraries spell operations and kinds of spans, in the plain form of `spellings.plain`.

The values are `OPERATIONS` of the rows. `other` stands for what is known to be no step of its own kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final


def _all(ours: str, theirs: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(theirs, ours)


# LiteLLM names the functions of its library (`a` in front: asynchronous), SDKs the method called.
_CHAT: Final = """
    chat achat chat_complete chat_completion achat_completion chat_completions chat_completions_create
    create_chat_completion acompletion chat_stream stream_chat streaming_chat chat_completion_stream
    chat_completions_stream response responses aresponses responses_create create_response responses_stream
    message messages amessages messages_create create_message messages_stream anthropic_message
    anthropic_messages anthropic_messages_create invoke_model invoke_model_with_response_stream converse
    converse_stream llm llm_call call_llm model_call generate_text stream_text generate_object stream_object
""".split()
_TEXT_COMPLETION: Final = """
    completion completions completions_create create_completion text_completion atext_completion
    text_completions text_completions_create atext_completions
""".split()
_GENERATE_CONTENT: Final = """
    generate agenerate generate_content agenerate_content generate_content_async generate_content_stream
    agenerate_content_stream stream_generate_content google_generate_content
""".split()
_EMBEDDINGS: Final = """
    embedding embeddings aembedding aembeddings embed aembed create_embedding create_embeddings
    embeddings_create embedding_create text_embedding text_embeddings embed_text embed_texts embed_content
    embed_contents batch_embed_contents embed_query embed_documents
""".split()
_RETRIEVAL: Final = """
    retrieval retrieve retriever aretrieve vector_search similarity_search semantic_search vector_db_retrieve
    vector_store_search avector_store_search
""".split()
_TOOL: Final = """
    execute_tool execute_tools execute_code execute_function tool tool_call tool_calls tools_call call_tool
    run_tool invoke_tool use_tool tool_execution function_call call_mcp_tool acall_mcp_tool mcp_tool_call
""".split()
_AGENT: Final = "invoke_agent agent call_agent run_agent agent_run execute_agent agent_invocation".split()
_WORKFLOW: Final = """
    invoke_workflow workflow run_workflow execute_workflow workflow_run invoke_swarm invoke_graph
""".split()
_MEMORY: Final = """
    memory search_memory create_memory update_memory upsert_memory delete_memory create_memory_store
    delete_memory_store
""".split()
# Known, and no kind of step: AutoGen's creation of an agent, other services of LiteLLM.
_OTHER: Final = """
    other unknown create image_generation aimage_generation image_edit aimage_edit moderation amoderation
    speech aspeech transcription atranscription
""".split()

OPERATIONS: Final[Mapping[str, str]] = {
    **_all("chat", _CHAT),
    **_all("text_completion", _TEXT_COMPLETION),
    **_all("generate_content", _GENERATE_CONTENT),
    **_all("embeddings", _EMBEDDINGS),
    **_all("retrieval", _RETRIEVAL),
    **_all("rerank", ("rerank", "arerank", "re_rank", "reranking", "reranker")),
    **_all("execute_tool", _TOOL),
    **_all("invoke_agent", _AGENT),
    **_all("invoke_workflow", _WORKFLOW),
    **_all("create_agent", ("create_agent", "agent_create", "agent_creation")),
    **_all("plan", ("plan", "planning")),
    **_all("memory", _MEMORY),
    **_all("guardrail", ("guardrail", "guardrails", "execute_guardrail")),
    **_all("evaluation", ("evaluation", "evaluate", "evaluator")),
    **_all("handoff", ("handoff", "hand_off", "agent_handoff")),
    **_all("chain", ("chain", "execute_event_loop_cycle", "agent_step", "model_step", "model_generation")),
    **_all("task", ("task", "execute_task")),
    **_all("postprocess", ("postprocess",)),
    **_all("other", _OTHER),
}
# Of the Model Context Protocol only a tool call is a step; every other method is known to be none.
MCP_METHODS: Final[Mapping[str, str]] = {"tools_call": "execute_tool"}

OPENINFERENCE_KINDS: Final[Mapping[str, str]] = {
    "agent": "invoke_agent",
    "chain": "chain",
    "llm": "chat",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "embedding": "embeddings",
    "reranker": "rerank",
    "guardrail": "guardrail",
    "evaluator": "evaluation",
    "prompt": "chain",
}
TRACELOOP_KINDS: Final[Mapping[str, str]] = {
    "workflow": "invoke_workflow",
    "agent": "invoke_agent",
    "task": "task",
    "tool": "execute_tool",
    "handoff": "handoff",
}
REQUEST_TYPES: Final[Mapping[str, str]] = {
    **_all("chat", _CHAT),
    **_all("text_completion", _TEXT_COMPLETION),
    **_all("embeddings", _EMBEDDINGS),
    "rerank": "rerank",
    "unknown": "",
}
