import HTTPWire
import Primitives

/// Reads the one answer that a connection owes, as its bytes come.
///
/// Keeps nothing but what the visitor learns from it; a body is stepped over unless it tells of a place in line. Limits:
/// heads as `HeadLimits`, bodies `mostBodyBytes`; more is an answer that makes no sense.
struct AnswerReader {
    static let mostBodyBytes: Int64 = 4 << 20

    enum Step: Equatable {
        /// So many bytes were used; the rest must be offered again, with more.
        case needsMore(used: Int)
        /// The answer ends after this many of the bytes.
        case complete(Answer, used: Int)
        case failed(WireFailure)
    }

    private var parser = ResponseParser()
    private var answer = Answer(status: 0)
    private var body: BodyReader?
    /// What there is of a body that tells of a place, when it comes in pieces.
    private var pieces: [UInt8] = []
    /// Some byte of the answer has been seen.
    private(set) var hasBegun = false

    /// `head` may be shared by all readers of a loop: it is done with when the call returns.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        head: inout ResponseHead,
        cookies: inout CookieJar
    ) -> Step {
        var used = 0
        if !bytes.isEmpty { self.hasBegun = true }
        while self.body == nil {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            guard !rest.isEmpty else { return .needsMore(used: used) }
            switch self.parser.parse(rest, answering: .get, into: &head) {
            case .incomplete: return .needsMore(used: used)
            case .failed(let failure): return .failed(failure)
            case .complete:
                used += head.byteCount
                if !head.isInterim { self.take(head, rest, &cookies) }
            }
        }
        return self.readBody(bytes, from: used)
    }

    /// The connection ended in order. nil when that is not how the answer ends.
    mutating func end() -> Answer? {
        guard let body = self.body, body.endsWithConnection else { return nil }
        return self.finished()
    }

    private mutating func take(
        _ head: borrowing ResponseHead,
        _ bytes: UnsafeRawBufferPointer,
        _ cookies: inout CookieJar
    ) {
        self.answer = Answer(status: Int(head.status))
        self.answer.keepsConnection = head.keepAlive
        for field in head.fields {
            let value = field.value.slice(of: bytes)
            switch field.id {
            case .setCookie: cookies.take(setCookie: value)
            case .retryAfter: self.answer.retryAfterSeconds = Self.seconds(value)
            case .other:
                let name = field.name.slice(of: bytes)
                if ASCII.equalsIgnoringCase(name, "sluice-state") {
                    self.answer.standing = Answer.Standing(headerValue: value)
                } else if ASCII.equalsIgnoringCase(name, "sluice-error") {
                    self.answer.isGatewayError = true
                }
            default: break
            }
        }
        self.body = BodyReader(framing: head.framing, maxPayloadBytes: Self.mostBodyBytes, from: .worker)
    }

    /// A number of seconds; dates are not read.
    private static func seconds(_ value: UnsafeRawBufferPointer) -> Int64? {
        guard (1...9).contains(value.count), value.allSatisfy(ASCII.isDigit) else { return nil }
        return value.reduce(0) { $0 * 10 + Int64($1 - ASCII.zero) }
    }

    private mutating func readBody(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Step {
        var used = start
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            guard let piece = self.body?.next(rest) else { preconditionFailure("a body without a head") }
            switch piece {
            case .payload(let range):
                if self.answer.standing == .waiting { self.takePage(range.slice(of: rest)) }
                used += range.end
            case .needMore: return .needsMore(used: bytes.count)
            case .end(let count): return .complete(self.finished(), used: used + count)
            case .failed(let failure): return .failed(failure)
            }
        }
    }

    private mutating func takePage(_ payload: UnsafeRawBufferPointer) {
        // Nearly always the page comes whole, and is read where it lies.
        if self.pieces.isEmpty, self.body?.framing == .length(Int64(payload.count)) {
            self.answer.page = WaitingPage(json: payload)
        } else {
            // One byte too many is kept, so that what was cut is not taken for whole.
            self.pieces += payload.prefix(WaitingPage.mostBytes + 1 - self.pieces.count)
        }
    }

    private mutating func finished() -> Answer {
        if !self.pieces.isEmpty { self.answer.page = self.pieces.withUnsafeBytes { WaitingPage(json: $0) } }
        return self.answer
    }
}
