"""The words of the trace: every span attribute and constant, once.

``wftrace.*`` is ours and stable. The other names belong to OpenTelemetry (``gen_ai.*``, ``code.*``, ``error.type``,
``exception.*``, ``session.id``) and OpenInference (``openinference.*``, ``input.*``, ``output.*``, ``graph.node.*``).
"""

from __future__ import annotations

SCOPE = "wftrace"

# Span names: a word, a blank, a low-cardinality name.
RUN_SPAN = "invoke_workflow"
STEP_SPAN = "run_step"
SEND_SPAN = "send"
WAIT_SPAN = "wait"
RETRY_WAIT_SPAN = "wait retry"
CHECKPOINT_SPAN = "checkpoint"

# Others' words.
OPERATION_NAME = "gen_ai.operation.name"
GEN_AI_WORKFLOW_NAME = "gen_ai.workflow.name"
GEN_AI_WORKFLOW_NODES = "gen_ai.workflow.nodes"
GEN_AI_WORKFLOW_EDGES = "gen_ai.workflow.edges"
SPAN_KIND = "openinference.span.kind"
INPUT_VALUE = "input.value"
INPUT_MIME_TYPE = "input.mime_type"
OUTPUT_VALUE = "output.value"
OUTPUT_MIME_TYPE = "output.mime_type"
SESSION_ID = "session.id"
USER_ID = "user.id"
METADATA = "metadata"
TAGS = "tag.tags"
NODE_ID = "graph.node.id"
NODE_NAME = "graph.node.name"
NODE_PARENT_ID = "graph.node.parent_id"
CODE_FUNCTION = "code.function.name"
CODE_FILE = "code.file.path"
CODE_LINE = "code.line.number"
ERROR_TYPE = "error.type"
EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"
PROJECT_NAME = "openinference.project.name"

# The run.
VERSION = "wftrace.version"
WORKFLOW_NAME = "wftrace.workflow.name"
GRAPH = "wftrace.graph"
GRAPH_HASH = "wftrace.graph.hash"
RUN_ID = "wftrace.run.id"
RUN_SEGMENT = "wftrace.run.segment"
PARENT_RUN_ID = "wftrace.parent.run.id"
PARENT_EXECUTION_ID = "wftrace.parent.execution.id"
SEQ = "wftrace.seq"
OUTCOME = "wftrace.outcome"
STEPS_COUNT = "wftrace.steps.count"
RETRIES_COUNT = "wftrace.retries.count"
EVENTS_COUNT = "wftrace.events.count"
FAILED_EXECUTION_ID = "wftrace.failed.execution.id"
DROPPED_EVENT_IDS = "wftrace.dropped.event.ids"

# A step attempt.
STEP_NAME = "wftrace.step.name"
EXECUTION_ID = "wftrace.execution.id"
ATTEMPT = "wftrace.attempt"
WORKER = "wftrace.worker"
INPUT_EVENT_IDS = "wftrace.input.event.ids"
INPUT_EVENT_TYPES = "wftrace.input.event.types"
INPUT_EXECUTION_IDS = "wftrace.input.execution.ids"
JOIN_EVENT_IDS = "wftrace.join.event.ids"
JOIN_EVENT_COUNT = "wftrace.join.event.count"
OUTPUT_EVENT_IDS = "wftrace.output.event.ids"
OUTPUT_EVENT_TYPES = "wftrace.output.event.types"
OUTPUT_EVENT_COUNT = "wftrace.output.event.count"
OUTPUT_MODE = "wftrace.output.mode"
STREAM_EVENT_TYPES = "wftrace.stream.event.types"
STREAM_EVENT_COUNTS = "wftrace.stream.event.counts"
QUEUE_WAIT_MS = "wftrace.queue.wait_ms"
COLLECT_WAIT_MS = "wftrace.collect.wait_ms"
RETRY_DELAY_MS = "wftrace.retry.delay_ms"

# An emission.
EVENT_ID = "wftrace.event.id"
EVENT_TYPE = "wftrace.event.type"
EVENT_MODE = "wftrace.event.mode"
EVENT_TARGET = "wftrace.event.target"
EVENT_DELIVERED = "wftrace.event.delivered"
EVENT_EXECUTION_ID = "wftrace.event.execution.id"

# A wait.
WAIT_KIND = "wftrace.wait.kind"
WAITING_FOR = "wftrace.waiting_for"
WAIT_MS = "wftrace.wait_ms"

# A checkpoint.
CHECKPOINT_OPERATION = "wftrace.checkpoint.operation"

# Links.
LINK_TYPE = "wftrace.link.type"
EVENT_LINK = "event"
RETRY_LINK = "retry_of"
RESUME_LINK = "resume"
CALLER_LINK = "caller"
EXTERNAL_LINK = "external"

INVOKE_WORKFLOW = "invoke_workflow"
RUN_STEP = "run_step"

INPUT_IDS_CAP = 256
OUTPUT_IDS_CAP = 64
LINKS_CAP = 64
