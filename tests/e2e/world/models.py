"""The APIs of language models, as much of each as an agent needs for one errand: a prompt says "write TEXT to /PATH", the
model asks for a tool of the agent that does it, and is content with whatever comes back. answer() is for `serve`."""
import json
import re

ERRAND = re.compile(r'write (\S+) to (/[^\s"\\]*[^\s"\\.])')
USAGE = {"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2}
DONE = "All done."


def whole(value):
    return 200, json.dumps(value).encode(), "application/json"


def events(*items):
    """server-sent events, with the name of each where it has a type"""
    lines = []
    for item in items:
        lines.append(f"event: {item['type']}\n" if "type" in item else "")
        lines.append(f"data: {json.dumps(item)}\n\n")
    return 200, "".join(lines).encode(), "text/event-stream"


def names_in(*values):
    """the names of tools, wherever they are listed"""
    for value in values:
        if isinstance(value, list):
            yield from names_in(*value)
        elif isinstance(value, dict):
            if isinstance(value.get("name"), str):
                yield value["name"]
            yield from names_in(value.get("tools"), value.get("function"), value.get("functionDeclarations"))


def tool_call(said, names, is_done):
    """a tool that the agent offers, with its arguments; None when there is nothing to do (any more)"""
    found = ERRAND.search(json.dumps(said))
    if not found or is_done:
        return None
    text, path = found.groups()
    command = f"printf '%s\\n' {text} > {path}"
    offered = set(names)
    known = {
        "Write": {"file_path": path, "content": text + "\n"},
        "write_file": {"file_path": path, "content": text + "\n"},
        "Create": {"file_path": path, "content": text + "\n"},
        "create": {"path": path, "file_text": text + "\n"},
        "write": {"path" if "tool_describe" in offered else "filePath": path, "content": text + "\n"},
        "exec": f"await tools.exec_command({json.dumps({'cmd': command})})",
        "exec_command": {"cmd": command},
        "shell": {"command": ["sh", "-c", command]},
        "bash": {"command": command, "description": "write"},
    }
    return next(((name, known[name]) for name in known if name in offered), None)


def instance(schema):
    """something small that a JSON schema allows"""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string").lower()
    if kind == "object":
        return {name: instance(schema["properties"][name]) for name in schema.get("required", [])}
    return {"array": [], "number": 1, "integer": 1, "boolean": False}.get(kind, "none")


def anthropic(body):
    """POST /v1/messages"""
    said = body.get("messages", [])
    is_done = any(part.get("type") == "tool_result" for turn in said if isinstance(turn["content"], list)
                  for part in turn["content"])
    call = tool_call(said, names_in(body.get("tools")), is_done)
    reason = "tool_use" if call else "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body.get("model"), "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": USAGE}
    block = {"type": "tool_use", "id": "toolu_1", "name": call[0], "input": {}} if call else {"type": "text", "text": ""}
    delta = ({"type": "input_json_delta", "partial_json": json.dumps(call[1])} if call
             else {"type": "text_delta", "text": DONE})
    if not body.get("stream"):
        block.update({"input": call[1]} if call else {"text": DONE})
        return whole(dict(message, content=[block], stop_reason=reason))
    return events(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": USAGE},
        {"type": "message_stop"})


def responses(body):
    """POST /responses"""
    said = body.get("input") or []
    is_done = any(item.get("type", "").endswith("_call_output") for item in said)
    call = tool_call(said, names_in(body.get("tools"), [item.get("tools") for item in said]), is_done)
    if not call:
        item = {"type": "message", "id": "item_1", "role": "assistant",
                "content": [{"type": "output_text", "text": DONE, "annotations": []}]}
    elif isinstance(call[1], str):  # a tool that takes text instead of JSON
        item = {"type": "custom_tool_call", "id": "item_1", "call_id": "call_1", "name": call[0], "input": call[1]}
    else:
        item = {"type": "function_call", "id": "item_1", "call_id": "call_1", "name": call[0],
                "arguments": json.dumps(call[1])}
    done = dict(item, status="completed")
    answer = {"id": "resp_1", "object": "response", "created_at": 1, "model": body.get("model"), "usage": USAGE}
    return events(
        {"type": "response.created", "response": dict(answer, status="in_progress", output=[])},
        {"type": "response.output_item.added", "output_index": 0, "item": dict(item, status="in_progress")},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": dict(answer, status="completed", output=[done])})


def chat(body):
    """POST /chat/completions"""
    said = body.get("messages", [])
    call = tool_call(said, names_in(body.get("tools")), any(turn["role"] == "tool" for turn in said))
    message = {"role": "assistant", "content": None if call else DONE}
    if call:
        message["tool_calls"] = [{"index": 0, "id": "call_1", "type": "function",
                                  "function": {"name": call[0], "arguments": json.dumps(call[1])}}]
    reason = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    answer = {"id": "chat_1", "created": 1, "model": body.get("model")}
    if not body.get("stream"):
        return whole(dict(answer, object="chat.completion", usage=usage, choices=[
            {"index": 0, "message": message, "finish_reason": reason}]))
    answer["object"] = "chat.completion.chunk"
    status, stream, kind = events(
        dict(answer, choices=[{"index": 0, "delta": message, "finish_reason": None}]),
        dict(answer, choices=[{"index": 0, "delta": {}, "finish_reason": reason}], usage=usage))
    return status, stream + b"data: [DONE]\n\n", kind


def gemini(body, is_stream):
    """POST /v1beta/models/NAME:generateContent and :streamGenerateContent"""
    said = body.get("contents", [])
    is_done = any("functionResponse" in part for turn in said for part in turn.get("parts", []))
    call = tool_call(said, names_in(body.get("tools")), is_done)
    schema = body.get("generationConfig", {}).get("responseJsonSchema")
    part = ({"functionCall": {"name": call[0], "args": call[1]}} if call
            else {"text": json.dumps(instance(schema)) if schema else DONE})
    answer = {"candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
              "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}}
    return events(answer) if is_stream else whole(answer)


def copilot(path):
    """what GitHub says to Copilot before its first prompt"""
    if path == "/copilot_internal/user":
        return whole({"login": "test", "copilot_plan": "business", "chat_enabled": True, "access_type_sku": "x",
                      "endpoints": {"api": "https://api.githubcopilot.com", "telemetry": "https://api.githubcopilot.com"}})
    if path == "/models":
        return whole({"object": "list", "data": [
            {"id": name, "name": name, "object": "model", "vendor": "x", "version": name, "preview": False,
             "model_picker_enabled": True, "is_chat_default": True, "is_chat_fallback": True,
             "policy": {"state": "enabled"}, "supported_endpoints": ["/chat/completions"],
             "capabilities": {"family": name, "type": "chat", "object": "model_capabilities", "tokenizer": "o200k_base",
                              "limits": {"max_context_window_tokens": 128000, "max_output_tokens": 16000,
                                         "max_prompt_tokens": 100000},
                              "supports": {"streaming": True, "tool_calls": True, "parallel_tool_calls": True}}}
            for name in ("claude-sonnet-4.5", "gpt-5-mini", "gpt-4.1")]})
    return None


def answer(method, path, body):
    """(status, bytes, content type) for a request to a model; None for any other"""
    path = path.partition("?")[0]
    if method == "GET" and path == "/v1/responses":  # a WebSocket is wanted; the same is to be had by POST
        return 426, b"{}", "application/json"
    if method == "GET":
        return copilot(path)
    try:
        body = json.loads(body)
    except ValueError:
        return None
    for end, model in {"/messages": anthropic, "/responses": responses, "/chat/completions": chat}.items():
        if path.endswith(end):
            return model(body)
    if path.endswith("enerateContent"):
        return gemini(body, ":stream" in path)
    return None
