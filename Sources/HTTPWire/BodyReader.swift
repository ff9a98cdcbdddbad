/// The next piece of a body that is decoded.
public enum BodyPiece: Equatable, Sendable {
    /// Payload, within the bytes given. Go on with the bytes after it.
    case payload(ByteRange)
    /// All of the bytes are used up.
    case needMore
    /// The body ends after this many of the bytes.
    case end(Int)
    case failed(WireFailure)
}

/// Finds the payload and the end of a body, and checks its framing and size on the way, without copying or keeping a
/// byte of the payload.
public struct BodyReader: Sendable {
    /// Bounds of what a chunked body may carry beside its payload.
    static let maxExtensionBytes = 4_096
    public static let maxTrailerBytes = 8_192

    public let framing: BodyFraming
    /// Larger payloads fail with 413.
    public let maxPayloadBytes: Int64
    /// Payload seen so far.
    public private(set) var payloadBytes: Int64 = 0
    private let sender: WireFailure.Sender
    private var chunks: ChunkMachine
    private var failure: WireFailure?

    /// - Parameter sender: whose fault a malformed body is.
    public init(framing: BodyFraming, maxPayloadBytes: Int64, from sender: WireFailure.Sender) {
        precondition(maxPayloadBytes >= 0, "maxPayloadBytes is not negative")
        self.framing = framing
        self.maxPayloadBytes = maxPayloadBytes
        self.sender = sender
        self.chunks = ChunkMachine(maxPayloadBytes: maxPayloadBytes)
        if case .length(let length) = framing, length > maxPayloadBytes {
            self.failure = WireFailure(.payloadTooLarge, from: sender)
        }
    }

    /// The body ends with the connection: a close is its regular end.
    public var endsWithConnection: Bool { self.framing == .untilClose }

    /// Bytes that are still to come; nil when nobody knows.
    var missingBytes: Int64? {
        switch self.framing {
        case .none: 0
        case .length(let length): length - self.payloadBytes
        case .chunked: self.chunks.isDone ? 0 : nil
        case .untilClose: nil
        }
    }

    /// No byte of the body has come.
    var isUntouched: Bool { self.payloadBytes == 0 && self.chunks.isUntouched }

    /// What the trailers said, as far as it may travel on; whole when the body is.
    public var trailers: Trailers { self.chunks.trailers }

    /// The next piece of payload in `bytes`, which start where the last piece ended.
    ///
    /// A body of no bytes is complete at once, also with empty `bytes`; a declared length above the limit fails at once.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyPiece {
        if let failure = self.failure { return .failed(failure) }
        let available = Int64(bytes.count)
        switch self.framing {
        case .none: return .end(0)
        case .length(let length):
            let missing = length - self.payloadBytes
            if missing == 0 { return .end(0) }
            return available == 0 ? .needMore : self.payload(min(missing, available))
        case .untilClose:
            if available == 0 { return .needMore }
            let allowance = self.maxPayloadBytes - self.payloadBytes
            return allowance == 0 ? self.fail(.payloadTooLarge) : self.payload(min(allowance, available))
        case .chunked:
            if available == 0, !self.chunks.isDone { return .needMore }
            switch self.chunks.step(bytes) {
            case .payload(let range):
                self.payloadBytes += Int64(range.count)
                return .payload(range)
            case .needMore: return .needMore
            case .end(let end): return .end(end)
            case .failed(let reason): return self.fail(reason)
            }
        }
    }

    private mutating func payload(_ count: Int64) -> BodyPiece {
        self.payloadBytes += count
        return .payload(ByteRange(start: 0, end: Int(count)))
    }

    private mutating func fail(_ reason: WireFailure.Reason) -> BodyPiece {
        let failure = WireFailure(reason, from: self.sender)
        self.failure = failure
        return .failed(failure)
    }
}
