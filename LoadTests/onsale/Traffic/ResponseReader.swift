import HTTPWire
import Primitives

/// Reads the responses of one connection as their bytes come, one for each request.
///
/// Keeps nothing but what the visitor learns from it; a body is stepped over unless it tells of a place in line. Limits:
/// heads as `HeadLimits`, bodies `mostBodyBytes`; more is a response that makes no sense.
struct ResponseReader {
    static let mostBodyBytes: Int64 = 4 << 20

    enum Step: Equatable {
        /// So many bytes were used; the rest must be offered again, with more.
        case needsMore(used: Int)
        /// The response ends after this many of the bytes.
        case complete(Response, used: Int)
        case failed(WireFailure)
    }

    private var wire = HTTP1Client(limits: HeadLimits(), maxBodyBytes: Self.mostBodyBytes)
    private var response = Response(status: 0)
    private var framing = BodyFraming.none
    private var mark = RequestMark(visitor: 0, ordinal: 0)
    /// Of a body that comes in pieces: what there is of one that tells of a place, or the end of one that does not.
    private var pieces: [UInt8] = []

    /// A whole request has been written, with that mark.
    mutating func expect(_ mark: RequestMark) {
        self.mark = mark
        self.wire.begin(.get)
        self.wire.requestSent()
    }

    /// Some byte of the response to the last request has been seen.
    var hasBegun: Bool { self.wire.hasResponseBegun }

    /// `head` may be shared by all readers of a loop: it is done with when the call returns.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        head: inout ResponseHead,
        cookies: inout CookieJar
    ) -> Step {
        var used = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &head)
            used += count
            switch input {
            case .needMore: return .needsMore(used: used)
            case .interim: break
            case .head: self.take(head, rest, &cookies)
            case .payload(let range):
                self.take(payload: range.slice(of: rest))
            case .end: return .complete(self.finished(), used: used)
            case .failed(let failure): return .failed(failure)
            case .switching: preconditionFailure("a visitor asks for no other protocol")
            }
        }
    }

    /// The connection ended in order. nil when that is not how the response ends.
    mutating func end() -> Response? { self.wire.inputEnded() == .complete ? self.finished() : nil }

    private mutating func take(
        _ head: borrowing ResponseHead,
        _ bytes: UnsafeRawBufferPointer,
        _ cookies: inout CookieJar
    ) {
        self.response = Response(status: Int(head.status))
        self.response.keepsConnection = head.keepAlive
        self.response.hasMark = false
        self.framing = head.framing
        for field in head.fields {
            let value = field.value.slice(of: bytes)
            switch field.id {
            case .setCookie: cookies.take(setCookie: value)
            case .retryAfter: self.response.retryAfterSeconds = Self.seconds(value)
            case .other:
                let name = field.name.slice(of: bytes)
                if ASCII.equalsIgnoringCase(name, "sluice-state") {
                    self.response.standing = Response.Standing(headerValue: value)
                } else if ASCII.equalsIgnoringCase(name, "sluice-error") {
                    self.response.isGatewayError = true
                }
            default: break
            }
        }
    }

    /// A number of seconds; dates are not read.
    private static func seconds(_ value: UnsafeRawBufferPointer) -> Int64? {
        guard (1...9).contains(value.count), value.allSatisfy(ASCII.isDigit) else { return nil }
        return value.reduce(0) { $0 * 10 + Int64($1 - ASCII.zero) }
    }

    private mutating func take(payload: UnsafeRawBufferPointer) {
        // Nearly always the body comes whole, and is read where it lies.
        if self.pieces.isEmpty, self.framing == .length(Int64(payload.count)) { return self.read(body: payload) }
        if self.response.standing.isOutside {
            // One byte too many is kept, so that what was cut is not taken for whole.
            self.pieces += payload.prefix(WaitingPage.mostBytes + 1 - self.pieces.count)
        } else {
            self.pieces += payload.suffix(RequestMark.reach)
            self.pieces.removeFirst(max(0, self.pieces.count - RequestMark.reach))
        }
    }

    /// `body`: all of it, or its end where nothing but the mark is wanted.
    private mutating func read(body: UnsafeRawBufferPointer) {
        if self.response.standing.isOutside {
            self.response.page = WaitingPage(json: body)
        }
        // Whoever says that one is outside, and sends what only a worker can have made, has let one in.
        if self.response.page == nil { self.response.hasMark = self.mark.isEnd(of: body) }
    }

    private mutating func finished() -> Response {
        if !self.pieces.isEmpty {
            let pieces = self.pieces
            self.pieces = []
            pieces.withUnsafeBytes { self.read(body: $0) }
        }
        return self.response
    }
}
