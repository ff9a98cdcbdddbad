"""Asks an external scaler as KEDA's operator does. Needs grpcio alone: the messages are written and read here by the
field numbers of KEDA's interface, so that a slip in Sluice's own copy of it is noticed.

usage: keda.py ADDRESS [--ca FILE] call METHOD [KEY=VALUE ...] [--metric NAME]
       keda.py ADDRESS [--ca FILE] follow KEY=VALUE ...
call    asks once, and says in one line what came of it: CODE, and the value or the error's text behind it
follow  holds StreamIsActive open and asks for the metric and for IsActive meanwhile, until it is stopped. Each answer is
        a line: "stream true", "metric 3 true", "failed UNAVAILABLE ..."
"""
import struct
import sys
import threading
import time

import grpc

SERVICE = "/externalscaler.ExternalScaler/"
# Of a whole call: longer than any test waits.
DEADLINE = 300


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def reference(metadata):
    """ScaledObjectRef: name = 1, namespace = 2, scalerMetadata = 3 (a map: key = 1, value = 2)."""
    entries = b"".join(
        field(3, field(1, key.encode()) + field(2, value.encode())) for key, value in metadata.items()
    )
    return field(1, b"tickets") + field(2, b"shop") + entries


def fields(message):
    """Every field of a message: number and value."""
    position = 0

    def number():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    found = []
    while position < len(message):
        tag = number()
        if tag & 7 == 0:
            found.append((tag >> 3, number()))
        elif tag & 7 == 1:
            found.append((tag >> 3, struct.unpack_from("<d", message, position)[0]))
            position += 8
        elif tag & 7 == 2:
            length = number()
            found.append((tag >> 3, message[position : position + length]))
            position += length
        else:
            raise ValueError(f"wire type {tag & 7}")
    return found


def active(message):
    """IsActiveResponse: result = 1; what is false is left out."""
    return "true" if dict(fields(message)).get(1, 0) else "false"


def metrics(message):
    """GetMetricSpecResponse and GetMetricsResponse: a list = 1 of name = 1, whole number = 2, number = 3."""
    parts = []
    for _, entry in fields(message):
        values = dict(fields(entry))
        parts.append(f"{values.get(1, b'').decode()} {values.get(2, 0)} {values.get(3, 0.0):g}")
    return ", ".join(parts)


def request(method, metadata, metric):
    if method == "GetMetrics":
        return field(1, reference(metadata)) + field(2, metric.encode())
    return reference(metadata)


def reader(method):
    return metrics if method in ("GetMetricSpec", "GetMetrics") else active


def ask(channel, method, metadata, metric="desired_workers"):
    call = channel.unary_unary(SERVICE + method)
    return reader(method)(call(request(method, metadata, metric), timeout=DEADLINE))


def say(*words):
    print(*words, flush=True)


def failed(error):
    return f"{error.code().name} {error.details()}"


def stream(channel, metadata):
    while True:
        try:
            for answer in channel.unary_stream(SERVICE + "StreamIsActive")(reference(metadata)):
                say("stream", active(answer))
            say("stream ended")
        except grpc.RpcError as error:
            say("stream failed", failed(error))
        time.sleep(0.2)


def follow(channel, metadata):
    threading.Thread(target=stream, args=(channel, metadata), daemon=True).start()
    while True:
        try:
            # KEDA asks for the metric first and for IsActive behind it.
            value = ask(channel, "GetMetrics", metadata).split(" ")[1]
            say("metric", value, ask(channel, "IsActive", metadata))
        except grpc.RpcError as error:
            say("failed", failed(error))
        time.sleep(0.1)


def churn(channel, count, metadata):
    """Opens streams one after the other, and breaks each off after its first answer."""
    for number in range(count):
        try:
            answers = channel.unary_stream(SERVICE + "StreamIsActive")(reference(metadata), timeout=DEADLINE)
            next(answers)
            answers.cancel()
        except grpc.RpcError as error:
            return say("after", number, failed(error))
    say("OK", count)


def main(words):
    address = words.pop(0)
    options = [
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.enable_http_proxy", 0),
    ]
    if words[0] == "--ca":
        with open(words[1], "rb") as file:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()), options)
        words = words[2:]
    else:
        channel = grpc.insecure_channel(address, options)
    metric = "desired_workers"
    if "--metric" in words:
        metric = words[words.index("--metric") + 1]
        words = words[: words.index("--metric")]
    action = words.pop(0)
    if action == "churn":
        return churn(channel, int(words[0]), dict(word.split("=", 1) for word in words[1:]))
    if action == "follow":
        return follow(channel, dict(word.split("=", 1) for word in words))
    method = words.pop(0)
    metadata = dict(word.split("=", 1) for word in words)
    try:
        if method == "StreamIsActive":
            say("OK", active(next(channel.unary_stream(SERVICE + method)(reference(metadata), timeout=DEADLINE))))
        else:
            say("OK", ask(channel, method, metadata, metric))
    except grpc.RpcError as error:
        say(failed(error))


main(sys.argv[1:])
