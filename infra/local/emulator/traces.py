"""X-Ray's daemon, whose documents a test reads, and headers of traces in batches of messages."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

from .patching import PatchError, replace, rewrite

MAX_DOCUMENTS = 50_000  # some 100 MB; a run that makes more is not read document by document
MAX_DATAGRAM_BYTES = 65_536


def daemon(file: Path) -> None:
    """Take documents at a free port of UDP and append them to the file, one a line; tell each function the address.

    Without it nobody can see what a function tells X-Ray, which the emulator does not have.
    """
    from ministack.core import lambda_runtime

    file.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    threading.Thread(target=_keep, args=(listening, file), daemon=True).start()
    place = "    os.environ.setdefault('AWS_EXECUTION_ENV', 'AWS_Lambda_python3.13')\n"
    told = f"    os.environ.setdefault('AWS_XRAY_DAEMON_ADDRESS', '127.0.0.1:{listening.getsockname()[1]}')\n"
    script = rewrite(lambda_runtime._PYTHON_WORKER_SCRIPT, place, place + told)
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script)


def _keep(listening: socket.socket, file: Path) -> None:
    for _ in range(MAX_DOCUMENTS):
        header, _, document = listening.recv(MAX_DATAGRAM_BYTES).partition(b"\n")
        if json.loads(header) != {"format": "json", "version": 1}:
            continue
        with file.open("ab") as opened:
            opened.write(json.dumps(json.loads(document)).encode() + b"\n")


def headers_in_batches() -> None:
    """Keep the system attributes of messages that are sent in a batch, as of those that are sent alone.

    The emulator drops them, so a trace would end at each queue.
    """
    from ministack.services import sqs

    entries = threading.local()

    def batch(data: Any, url: Any) -> Any:
        entries.left = list(data.get("Entries") or [])
        try:
            return batch_before(data, url)
        finally:
            entries.left = []

    def send(data: Any, url: Any) -> Any:
        left = getattr(entries, "left", [])
        attributes = left.pop(0).get("MessageSystemAttributes") if left else None
        return send_before({**data, "MessageSystemAttributes": attributes} if attributes else data, url)

    if sqs._HANDLERS.get("SendMessageBatch") is not sqs._act_send_message_batch:
        raise PatchError("sqs._HANDLERS does not lead to sqs._act_send_message_batch")
    batch_before, send_before = sqs._act_send_message_batch, replace(sqs, "_act_send_message", send)
    sqs._HANDLERS["SendMessageBatch"] = batch
    if sqs._HANDLERS.get("SendMessage") is send_before:
        sqs._HANDLERS["SendMessage"] = send
