import EventLoop
import HTTPService
import TestKit
import Testing
import Transport

/// A service with a page for every way of answering, on a loop of its own.
struct ServiceFixture: Sendable {
    let loops: LoopFixture
    let port: UInt16
    // Unsafe because the service is not Sendable; the tests touch it on its loop only.
    nonisolated(unsafe) let service: HTTPService
    /// Responders of `/held`, which the test answers when it wants to. Touched on the loop only.
    let held: HeldResponders

    init(limits: ServiceLimits = ServiceLimits(), tls: TLSContext? = nil) throws {
        let loops = try LoopFixture()
        let held = HeldResponders()
        // Made on the loop, then used on the loop only: the box carries it out.
        let made = try loops.run {
            let service = try HTTPService(loop: loops.loop, address: .loopback(port: 0), limits: limits, tls: tls) {
                request,
                responder in answer(request, responder, loops.loop, held)
            }
            return Made(service: service)
        }
        self.loops = loops
        self.held = held
        self.service = made.service
        self.port = try loops.run { made.service.boundAddress!.port! }
    }

    /// The answers to `text`, sent on a connection that then half-closes: all that comes back, without the dates.
    func exchange(_ text: String) throws -> String {
        let peer = try RawPeer(port: self.port)
        peer.send(text)
        peer.finishWriting()
        return try #require(peer.readToEnd()).withoutDates
    }

    func end() throws { try self.loops.end() }
}

// Unchecked because it only carries the service from its loop to a fixture that uses it there.
private struct Made: @unchecked Sendable { let service: HTTPService }

// Unchecked because it is touched on the loop only.
final class HeldResponders: @unchecked Sendable {
    var responders: [Responder] = []
}

private func answer(
    _ request: borrowing ServiceRequest,
    _ responder: Responder,
    _ loop: EventLoop,
    _ held: HeldResponders
) {
    if request.hasPath("/echo") {
        responder.respond(status: 200, contentType: "application/octet-stream", body: request.body)
    } else if request.hasPath("/later") {
        let query = request.query
        loop.after(nanoseconds: 1_000_000) { responder.respond(status: 200, body: "later \(query)\n") }
    } else if request.hasPath("/held") {
        held.responders.append(responder)
    } else if request.hasPath("/release") {
        // Another connection's answer, given while this request is being looked at.
        for other in held.responders { other.respond(status: 200, body: "released\n") }
        held.responders = []
        responder.respond(status: 200, body: "path \(request.path)\n")
    } else if request.hasPath("/bytes") {
        let count = Int(request.queryValue("n") ?? "") ?? 0
        responder.respond(status: 200, body: [UInt8](repeating: 0x62, count: count))
    } else if request.hasPath("/stream") {
        let count = Int64(request.queryValue("n") ?? "") ?? 0
        responder.respond(
            status: 200,
            contentType: "text/plain",
            byteCount: count,
            isChunked: request.queryValue("chunked") != nil
        ) { offset, memory in
            for index in 0..<memory.count { memory[index] = UInt8(truncatingIfNeeded: (offset + Int64(index)) % 251) }
        }
    } else if request.hasPath("/none") {
        responder.respond(status: 204, body: "not sent")
    } else {
        let text = "\(request.methodText) \(request.path) ?\(request.query) \(request.body.count)\n"
        responder.respond(
            status: 200,
            fields: [ServiceField("x-seen", request.header(named: "x-test") ?? "-")],
            body: text
        )
    }
}

extension [UInt8] {
    var withoutDates: String {
        String(decoding: self, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("date: ") }.joined(separator: "\r\n")
    }
}
