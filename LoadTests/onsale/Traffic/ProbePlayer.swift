import EventLoop
import HTTPWire
import Primitives
import Transport

/// Asks once with tokens that are no good, over a connection of its own, and tells what came of it.
///
/// Lives on the crowd's loop, which keeps it through its connection.
final class ProbePlayer: StreamHandler {
    private let crowd: CrowdPart
    private let kind: ProbeKind
    /// On the place that was forged.
    private let number: Int64?
    /// Whose address the request comes from.
    private let index: Int
    private let cookies: CookieJar
    /// By the answer.
    private var setCookies = CookieJar()
    private var sentAt = MonotonicClock.now()
    private var facesLine = false
    private var reader = ResponseReader()
    private var connection: (any ByteStream)?
    private let request: VisitorMachine.Request

    init(
        _ kind: ProbeKind,
        cookies: CookieJar,
        number: Int64?,
        from index: Int,
        ordinal: UInt32,
        crowd: CrowdPart
    ) {
        self.crowd = crowd
        self.kind = kind
        self.number = number
        self.index = index
        self.cookies = cookies
        // Marks of probes are counted from the other end, so that no visitor has the same.
        let mark = RequestMark(visitor: Int(UInt32.max), ordinal: ordinal)
        self.request = VisitorMachine.Request(page: .browse(0), mark: mark, due: MonotonicClock.now())
    }

    /// A probe that cannot be sent, or is not answered, says nothing.
    func start() {
        self.connection = try? Connection.connect(
            to: self.crowd.target.address(of: self.index),
            from: self.crowd.target.source(of: self.index),
            on: self.crowd.loop,
            timeoutNanoseconds: CrowdPart.connectTimeoutNanoseconds,
            handler: self
        )
    }

    func connected(_ connection: any ByteStream) {
        self.reader.expect(self.request.mark)
        var writer = ByteWriter(self.crowd.loop.writeScratch)
        self.crowd.target.write(self.request, of: self.index, cookies: self.cookies, to: &writer)
        self.sentAt = MonotonicClock.now()
        self.facesLine = self.crowd.newcomersWait
        connection.write(writer.written)
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        switch self.reader.read(bytes, head: &self.crowd.head, cookies: &self.setCookies) {
        case .needsMore(let used): return used
        case .failed: break
        case .complete(let response, _):
            self.crowd.probed(
                self.kind,
                number: self.number,
                facesLine: self.facesLine,
                shown: self.cookies,
                set: self.setCookies,
                response,
                sentAt: self.sentAt
            )
        }
        connection.close()
        return bytes.count
    }

    func inputEnded(_ connection: any ByteStream) { connection.close() }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) { self.connection = nil }
}
