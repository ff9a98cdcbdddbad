import HTTPWire
import Primitives

/// A head copied out of its buffer, so that two of them can be compared.
struct RequestSnapshot: Equatable {
    var method: Method
    var target: String
    var path: String
    var query: String
    var host: String?
    var hostName: String?
    var minorVersion: UInt8
    var fields: [String]
    var ids: [FieldName]
    var framing: BodyFraming
    var keepAlive: Bool
    var expectsContinue: Bool
    var wantsUpgrade: Bool
    var byteCount: Int

    init(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) {
        self.method = head.method
        self.target = text(head.targetRange, bytes)
        self.path = text(head.pathRange, bytes)
        self.query = text(head.queryRange, bytes)
        self.host = head.hostRange.map { text($0, bytes) }
        self.hostName = head.hostNameRange.map { text($0, bytes) }
        self.minorVersion = head.minorVersion
        self.fields = head.fields.map { "\(text($0.name, bytes))=\(text($0.value, bytes))" }
        self.ids = head.fields.map(\.id)
        self.framing = head.framing
        self.keepAlive = head.keepAlive
        self.expectsContinue = head.expectsContinue
        self.wantsUpgrade = head.wantsUpgrade
        self.byteCount = head.byteCount
    }
}

struct ResponseSnapshot: Equatable {
    var status: UInt16
    var reason: String
    var fields: [String]
    var framing: BodyFraming
    var keepAlive: Bool
    var byteCount: Int

    init(_ head: borrowing ResponseHead, _ bytes: UnsafeRawBufferPointer) {
        self.status = head.status
        self.reason = text(head.reasonRange, bytes)
        self.fields = head.fields.map { "\(text($0.name, bytes))=\(text($0.value, bytes))" }
        self.framing = head.framing
        self.keepAlive = head.keepAlive
        self.byteCount = head.byteCount
    }
}

/// What became of some bytes: a head, a failure, or the wish for more.
enum Outcome<Snapshot: Equatable>: Equatable {
    case complete(Snapshot)
    case incomplete
    case failed(WireFailure.Reason)
}

func text(_ range: ByteRange, _ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: range.slice(of: bytes), as: UTF8.self)
}

/// Offers ever longer starts of `bytes`, as long as `ends` says, and stops at the first verdict.
///
/// Each start is copied to memory of exactly its size, so that the address sanitizer sees a read beyond it.
func parseRequest(_ bytes: [UInt8], ends: [Int], limits: HeadLimits = HeadLimits()) -> Outcome<RequestSnapshot> {
    var parser = RequestParser(limits: limits)
    var head = RequestHead(limits: limits)
    for end in ends {
        let step = withExactCopy(bytes[..<end]) { bytes -> Outcome<RequestSnapshot> in
            switch parser.parse(bytes, into: &head) {
            case .complete: .complete(RequestSnapshot(head, bytes))
            case .incomplete: .incomplete
            case .failed(let failure): .failed(failure.reason)
            }
        }
        if step != .incomplete { return step }
    }
    return .incomplete
}

func parseRequest(_ text: String, limits: HeadLimits = HeadLimits()) -> Outcome<RequestSnapshot> {
    parseRequest(Array(text.utf8), ends: [text.utf8.count], limits: limits)
}

func parseResponse(
    _ bytes: [UInt8],
    ends: [Int],
    respondingTo method: Method = .get,
    limits: HeadLimits = HeadLimits()
) -> Outcome<ResponseSnapshot> {
    var parser = ResponseParser(limits: limits)
    var head = ResponseHead(limits: limits)
    for end in ends {
        let step = withExactCopy(bytes[..<end]) { bytes -> Outcome<ResponseSnapshot> in
            switch parser.parse(bytes, respondingTo: method, into: &head) {
            case .complete: .complete(ResponseSnapshot(head, bytes))
            case .incomplete: .incomplete
            case .failed(let failure): .failed(failure.reason)
            }
        }
        if step != .incomplete { return step }
    }
    return .incomplete
}

func parseResponse(_ text: String, respondingTo method: Method = .get) -> Outcome<ResponseSnapshot> {
    parseResponse(Array(text.utf8), ends: [text.utf8.count], respondingTo: method)
}

/// A well-formed request with the given field lines behind its Host field.
func request(_ lines: String..., method: String = "GET", version: String = "HTTP/1.1") -> String {
    "\(method) /a \(version)\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

extension Outcome {
    var snapshot: Snapshot? {
        guard case .complete(let snapshot) = self else { return nil }
        return snapshot
    }
    var reason: WireFailure.Reason? {
        guard case .failed(let reason) = self else { return nil }
        return reason
    }
}

func withExactCopy<Result>(_ bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return body(UnsafeRawBufferPointer(rebasing: copy[..<bytes.count]))
}

/// What a writer's user wrote.
func written(capacity: Int = 4_096, _ body: (inout ByteWriter) -> Void) -> String {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
    defer { memory.deallocate() }
    var writer = ByteWriter(memory)
    body(&writer)
    precondition(!writer.overflowed, "the test's memory is too small")
    return String(decoding: writer.written, as: UTF8.self)
}

/// Ascending places to cut `count` bytes at; the last is `count`.
func randomEnds(_ count: Int, using random: inout SplitMix64) -> [Int] {
    let pieces = Int.random(in: 1...8, using: &random)
    return (0..<pieces).map { _ in Int.random(in: 0...count, using: &random) }.sorted() + [count]
}
