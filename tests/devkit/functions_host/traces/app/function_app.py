"""The function of the scenarios: each message says what its run does.

It reports to the driver by datagrams, because what a host does with a worker's output differs between hosts.
"""

import json
import os
import socket
import time
from typing import Any

import azure.functions as func

app = func.FunctionApp()
DRIVER = ("127.0.0.1", int(os.environ["TRACE_EVENTS_PORT"]))


def report(what: str, **fields: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(json.dumps({"t": time.time(), "what": what, **fields}).encode(), DRIVER)


@app.function_name("Run")
@app.queue_trigger(arg_name="message", queue_name="%TRACE_QUEUE%", connection="AzureWebJobsStorage")
def run(message: func.QueueMessage) -> None:
    """Waits for `seconds`, then does what `do` says: end well, fail (until try `ok_from`), or end the process."""
    order = json.loads(message.get_body())
    n, dequeue = order["n"], message.dequeue_count or 0
    report("begin", n=n, dequeue=dequeue, id=message.id, receipt=message.pop_receipt)
    time.sleep(order.get("seconds", 0))
    if order.get("do") == "exit":
        report("exits", n=n, dequeue=dequeue)
        os._exit(3)
    fails = order.get("do") == "fail" and dequeue < order.get("ok_from", 100)
    report("end", n=n, dequeue=dequeue, failed=fails)
    if fails:
        raise RuntimeError("the message asks for a failure")
