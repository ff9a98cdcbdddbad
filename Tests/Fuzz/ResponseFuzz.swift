import HTTPWire
import Primitives

/// A worker's bytes: read in pieces as well as whole, understood as the plain reference does, and passed on to clients of
/// every kind so that a whole response stays whole and a cut one is seen to be cut.
///
/// The first byte says what was asked: `H` for HEAD, `U` for a change of protocol, anything else for GET.
enum ResponseFuzz {
    private static let narrow = ConnectionFeed(
        limits: HeadLimits(maxHeadBytes: 160, maxTargetBytes: 40, maxFields: 4),
        maxBodyBytes: 60
    )
    /// The reference knows no limits.
    private static let wide = ConnectionFeed(
        limits: HeadLimits(maxHeadBytes: 65_536, maxTargetBytes: 32_768, maxFields: 1_000),
        maxBodyBytes: 1_000_000
    )

    static func judge(_ input: [UInt8]) {
        guard let asked = input.first else { return }
        let method: Method = asked == UInt8(ascii: "H") ? .head : .get
        let upgrades = asked == UInt8(ascii: "U")
        let bytes = Array(input.dropFirst())
        var random = draws(for: input)
        for feed in [self.narrow, self.wide] {
            let whole = feed.ask(bytes, ends: [bytes.count], method: method, upgrades: upgrades)
            let ends = randomEnds(bytes.count, using: &random)
            let pieces = feed.ask(bytes, ends: ends, method: method, upgrades: upgrades)
            expectEqual(whole, pieces, "whole and in pieces that end at \(ends)")
            let single = feed.ask(bytes, ends: Array(0...bytes.count), method: method, upgrades: upgrades)
            expectEqual(whole, single, "whole and byte by byte")
        }
        let outcome = parseResponse(bytes, ends: [bytes.count], respondingTo: method, limits: self.wide.limits)
        switch (outcome, ReferenceResponse.parse(bytes)) {
        case (.complete(let head), .complete(let status, let fields, let count)):
            expectEqual(head.status, status, "the status")
            expectEqual(head.fields, fields, "the fields")
            expectEqual(head.byteCount, count, "the length of the head")
        // A limit that the reference does not know.
        case (.failed(.nominationsTooMany), _): break
        case (.incomplete, .incomplete), (.failed, .failed): break
        case (let outcome, let reference): expect(false, "parser and reference disagree:\n  \(outcome)\n  \(reference)")
        }
        if !upgrades {
            for client in Client.allCases { self.judgeForwarded(bytes, method, to: client) }
        }
    }

    // MARK: What is passed on

    private enum Client: String, CaseIterable {
        case modern = "HTTP/1.1"
        case old = "HTTP/1.0"
    }

    /// What the worker's connection came to, up to the end of the first response that is no interim one.
    private struct Relay {
        var written: [UInt8] = []
        var payload: [UInt8] = []
        var status: UInt16?
        var plan: ResponsePlan?
        var isWhole = false
    }

    private static func judgeForwarded(_ bytes: [UInt8], _ method: Method, to client: Client) {
        let relay = self.relay(bytes, method, to: client)
        guard let status = relay.status, let plan = relay.plan else { return }
        let text = String(decoding: relay.written, as: UTF8.self).debugDescription
        guard case .complete(status, let fields, let headCount) = ReferenceResponse.parse(relay.written) else {
            return expect(false, "what was passed on of a \(status) cannot be read: \(text)")
        }
        for field in fields {
            let name = field.prefix { $0 != "=" }.lowercased()
            let concernsOneHop = ["keep-alive", "proxy-connection", "te", "trailer", "upgrade"].contains(name)
            expect(!concernsOneHop, "\(name) was passed on in \(text)")
        }
        let endsWithConnection = plan.framing == .untilClose
        if relay.isWhole, plan.sendsBody, !endsWithConnection {
            let body = ReferenceBody.decode(relay.written[headCount...], fields: fields)
            expectEqual(body, .complete(relay.payload), "the body, passed on in \(text)")
        }
        self.judgeRead(relay, method, text)
    }

    /// Read again by a client: the same payload, and whole only if it was.
    private static func judgeRead(_ relay: Relay, _ method: Method, _ text: String) {
        var reader = HTTP1Client(limits: self.wide.limits)
        var head = ResponseHead(limits: self.wide.limits)
        reader.begin(method)
        reader.requestSent()
        var payload: [UInt8] = []
        var offset = 0
        relay.written.withUnsafeBytes { bytes in
            read: while true {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let (input, used) = reader.read(rest, into: &head)
                offset += used
                switch input {
                case .needMore: break read
                case .head: expectEqual(head.status, relay.status, "the status in \(text)")
                case .payload(let range): payload += range.slice(of: rest)
                case .end: break
                case .interim, .switching, .failed: return expect(false, "read as \(input): \(text)")
                }
            }
        }
        expectEqual(payload, relay.payload, "the payload in \(text)")
        let isComplete = reader.isResponseComplete
        let end = reader.inputEnded()
        switch relay.plan?.framing {
        case .untilClose?: expect(end == .complete, "\(end): \(text)")
        default:
            expectEqual(isComplete, relay.isWhole, "whole in \(text)")
            if !relay.isWhole { expect(end == .cut, "\(end) though it was cut: \(text)") }
        }
    }

    private static func relay(_ bytes: [UInt8], _ method: Method, to client: Client) -> Relay {
        var worker = HTTP1Client(limits: self.wide.limits)
        var head = ResponseHead(limits: self.wide.limits)
        worker.begin(method)
        worker.requestSent()
        var relay = Relay()
        var headBytes: [UInt8] = []
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            read: while true {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let (input, used) = worker.read(rest, into: &head)
                offset += used
                switch input {
                case .head:
                    let plan = self.plan(head.framing, method, client)
                    relay.status = head.status
                    relay.plan = plan
                    headBytes = self.forwarded(head, rest, plan)
                case .payload(let range): relay.payload += range.slice(of: rest)
                case .interim: continue
                case .end:
                    relay.isWhole = true
                    break read
                case .needMore, .switching, .failed: break read
                }
            }
            if !relay.isWhole { relay.isWhole = worker.inputEnded() == .complete }
        }
        guard let plan = relay.plan else { return relay }
        relay.written = headBytes
        if plan.sendsBody {
            let end = relay.isWhole ? writtenBytes { $0.appendLastChunk(trailers: worker.trailers) } : []
            let text = relay.isWhole ? String(decoding: end, as: UTF8.self) : nil
            relay.written += writtenBytes { $0.append(body: relay.payload, plan.framing, end: text) }
        }
        return relay
    }

    /// The plan for a response to a request of that kind of client.
    private static func plan(_ framing: BodyFraming, _ method: Method, _ client: Client) -> ResponsePlan {
        var server = HTTP1Server(limits: HeadLimits(), maxBodyBytes: 0)
        var head = RequestHead()
        let request = Array("\(method == .head ? "HEAD" : "GET") / \(client.rawValue)\r\nhost: h\r\n\r\n".utf8)
        return request.withUnsafeBytes { bytes in
            let (input, used) = server.read(bytes, into: &head)
            precondition(input == .head && used == bytes.count)
            return server.beginResponse(framing, staysOpen: true)
        }
    }

    private static func forwarded(
        _ head: borrowing ResponseHead,
        _ bytes: UnsafeRawBufferPointer,
        _ plan: ResponsePlan
    ) -> [UInt8] {
        writtenBytes { writer in
            writer.append("HTTP/1.1 ")
            writer.append(decimal: Int(head.status))
            writer.append(" \r\n")
            head.writeForwardedFields(to: &writer, from: bytes)
            writer.appendFraming(plan)
            writer.append("\r\n")
        }
    }
}
