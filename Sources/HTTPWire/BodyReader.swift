/// What a stretch of bytes holds of a body that is forwarded as it is.
public enum BodyScan: Equatable, Sendable {
    /// All of the bytes belong to the body, and more is to come.
    case more
    /// The body ends after this many of the bytes; the rest belongs to the next message.
    case complete(Int)
    /// Nothing of these bytes may be forwarded: answer with the failure's status, if that is still possible, and close.
    case failed(WireFailure)
}

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

/// Finds the end of a body, and checks its framing and size on the way, without copying or keeping a byte.
///
/// Use either `scan` or `next` for one body, not both.
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

    /// How many of `bytes` belong to the body. A body of no bytes is complete at once, also with empty `bytes`; a
    /// declared length above the limit fails at once.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) -> BodyScan {
        var offset = 0
        while true {
            switch self.step(bytes, from: offset) {
            case .payload(let range): offset = range.end
            case .needMore: return .more
            case .end(let end): return .complete(end)
            case .failed(let failure): return .failed(failure)
            }
        }
    }

    /// The next piece of payload in `bytes`, which start where the last piece ended.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> BodyPiece { self.step(bytes, from: 0) }

    private mutating func step(_ bytes: UnsafeRawBufferPointer, from offset: Int) -> BodyPiece {
        if let failure = self.failure { return .failed(failure) }
        let available = Int64(bytes.count - offset)
        switch self.framing {
        case .none: return .end(offset)
        case .length(let length):
            let missing = length - self.payloadBytes
            if missing == 0 { return .end(offset) }
            return available == 0 ? .needMore : self.payload(min(missing, available), from: offset)
        case .untilClose:
            if available == 0 { return .needMore }
            let allowance = self.maxPayloadBytes - self.payloadBytes
            return allowance == 0 ? self.fail(.payloadTooLarge) : self.payload(min(allowance, available), from: offset)
        case .chunked:
            if available == 0, !self.chunks.isDone { return .needMore }
            switch self.chunks.step(bytes, from: offset) {
            case .payload(let range):
                self.payloadBytes += Int64(range.count)
                return .payload(range)
            case .needMore: return .needMore
            case .end(let end): return .end(end)
            case .failed(let reason): return self.fail(reason)
            }
        }
    }

    private mutating func payload(_ count: Int64, from offset: Int) -> BodyPiece {
        self.payloadBytes += count
        return .payload(ByteRange(start: offset, end: offset + Int(count)))
    }

    private mutating func fail(_ reason: WireFailure.Reason) -> BodyPiece {
        let failure = WireFailure(reason, from: self.sender)
        self.failure = failure
        return .failed(failure)
    }
}
