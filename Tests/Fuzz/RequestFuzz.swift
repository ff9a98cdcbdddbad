import HTTPWire
import Primitives

/// A client's bytes: read in pieces as well as whole, understood as the plain reference does, and passed on so that the
/// next hop can only understand the same request.
enum RequestFuzz {
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
        var random = draws(for: input)
        for feed in [self.narrow, self.wide] {
            for early in [false, true] {
                let whole = feed.serve(input, ends: [input.count], respondsEarly: early)
                let ends = randomEnds(input.count, using: &random)
                let pieces = feed.serve(input, ends: ends, respondsEarly: early)
                expectEqual(whole, pieces, "whole and in pieces that end at \(ends)")
                let single = feed.serve(input, ends: Array(0...input.count), respondsEarly: early)
                expectEqual(whole, single, "whole and byte by byte")
            }
        }
        let outcome = parseRequest(input, ends: [input.count], limits: self.wide.limits)
        switch (outcome, ReferenceRequest.parse(input)) {
        case (.complete(let head), .complete(let target, let fields, let count)):
            expectEqual(head.target, target, "the target")
            expectEqual(head.fields, fields, "the fields")
            expectEqual(head.byteCount, count, "the length of the head")
            self.judgeForwarded(input, head)
        // A limit that the reference does not know.
        case (.failed(.nominationsTooMany), _): break
        case (.incomplete, .incomplete), (.failed, .failed): break
        case (let outcome, let reference): expect(false, "parser and reference disagree:\n  \(outcome)\n  \(reference)")
        }
    }

    // MARK: What is passed on

    private static func judgeForwarded(_ input: [UInt8], _ head: RequestSnapshot) {
        // Without a Host the gateway adds its own; there is nothing to compare.
        guard head.host != nil else { return }
        let facts = self.wide.serve(input, ends: [input.count], respondsEarly: false)
        guard case .request? = facts.first else { return expect(false, "no request, but \(facts)") }
        var payload: [UInt8] = []
        var trailers = ""
        var isWhole = false
        scan: for fact in facts.dropFirst() {
            switch fact {
            case .payload(let bytes): payload = bytes
            case .end(let text):
                trailers = text
                isWhole = true
                break scan
            default: break scan
            }
        }
        let written = self.forwarded(input, payload: payload, trailers: trailers, isWhole: isWhole)
        let text = String(decoding: written, as: UTF8.self).debugDescription
        guard case .complete(let target, let fields, let headCount) = ReferenceRequest.parse(written) else {
            return expect(false, "what was passed on cannot be read: \(text)")
        }
        expectEqual(target, self.originForm(head), "the target, passed on in \(text)")
        let methodCount = String(head.target.isEmpty ? "" : self.method(input)).utf8.count
        expect(written.starts(with: self.method(input).utf8) && written[methodCount] == 32, "another method: \(text)")
        self.judge(fields, of: head, text)
        guard isWhole else { return }
        if head.framing == .chunked {
            let plain = ReferenceBody.payload(ofChunks: input[head.byteCount...])
            expectEqual(plain, payload, "the payload that came")
        }
        let body = ReferenceBody.decode(written[headCount...], fields: fields)
        expectEqual(body, .complete(payload), "the body, passed on in \(text)")
        let again = self.wide.serve(written, ends: [written.count], respondsEarly: false)
        expect(again.last == .after(.readOn) || again.last == .after(.close), "not one whole request: \(again)")
        let heads = again.count { if case .request = $0 { true } else { false } }
        expectEqual(heads, 1, "the number of requests in \(text)")
    }

    private static func method(_ input: [UInt8]) -> String {
        String(decoding: input.drop { $0 == 13 || $0 == 10 }.prefix { $0 != 32 }, as: UTF8.self)
    }

    private static func originForm(_ head: RequestSnapshot) -> String {
        guard !head.target.hasPrefix("/"), head.target != "*" else { return head.target }
        let query = head.query.isEmpty ? "" : "?" + head.query
        if !head.path.isEmpty { return head.path + query }
        return head.method == .options && query.isEmpty ? "*" : "/" + query
    }

    /// Nothing that concerns one hop or the framing, one Host, and no field that was not sent.
    private static func judge(_ fields: [String], of head: RequestSnapshot, _ text: String) {
        let sent = Set(head.fields)
        var hosts: [String] = []
        for field in fields {
            // By bytes: what a client sends may join the `=` to one character with what follows.
            let nameEnd = field.utf8.firstIndex(of: UInt8(ascii: "=")) ?? field.endIndex
            let name = field[..<nameEnd].lowercased()
            let value = String(field.utf8[nameEnd...].dropFirst()) ?? ""
            switch name {
            case "host": hosts.append(value)
            case "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade":
                // What the client asks the next hop for, which is passed on only when wanted: not here.
                expect(false, "\(name) was passed on in \(text)")
            case "content-length", "transfer-encoding", "cookie": break
            default:
                expect(sent.contains(field), "\(field) was not sent: \(text)")
                expect(!name.contains("_"), "an ambiguous name was passed on: \(text)")
            }
        }
        expectEqual(hosts, [head.host ?? ""], "the host in \(text)")
    }

    /// The request as the next hop gets it: its head, framing of our own, the payload in chunks of our own.
    private static func forwarded(
        _ input: [UInt8],
        payload: [UInt8],
        trailers: String,
        isWhole: Bool
    ) -> [UInt8] {
        var parser = RequestParser(limits: self.wide.limits)
        var head = RequestHead(limits: self.wide.limits)
        return input.withUnsafeBytes { bytes in
            precondition(parser.parse(bytes, into: &head) == .complete)
            return writtenBytes { writer in
                head.writeForwarded(
                    to: &writer,
                    from: bytes,
                    droppingCookies: CookiePrefix("sluice-")
                )
                writer.appendFraming(head.framing)
                writer.append("\r\n")
                writer.append(body: payload, head.framing, end: isWhole ? trailers : nil)
            }
        }
    }
}

extension ByteWriter {
    /// Payload in two chunks, or as it is. `end`: what ends a chunked body that is whole.
    mutating func append(body payload: [UInt8], _ framing: BodyFraming, end: String?) {
        guard framing == .chunked else { return payload.withUnsafeBytes { self.append($0) } }
        for piece in [payload.prefix(7), payload.dropFirst(7)] where !piece.isEmpty {
            self.appendChunkSize(piece.count)
            piece.withUnsafeBytes { self.append($0) }
            self.appendChunkEnd()
        }
        if let end { self.append(end) }
    }
}

func writtenBytes(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
    defer { memory.deallocate() }
    var writer = ByteWriter(memory)
    body(&writer)
    precondition(!writer.overflowed, "the memory for what is passed on is too small")
    return Array(writer.written)
}
