import Primitives

/// The chunked coding of RFC 9112 section 7.1, byte by byte but for the payload.
///
/// White space after the size, which some servers pad it with, counts as part of the extensions. Stricter than the RFC
/// where servers are known to differ: no control bytes in extensions, CR LF and nothing else at line ends. Sizes have
/// at most sixteen digits, so that none overflows.
struct ChunkMachine: Sendable {
    enum Step {
        case payload(ByteRange)
        case needMore
        case end(Int)
        case failed(WireFailure.Reason)
    }

    private enum State {
        case size, sizeOrEnd, sizePadding, extensionText, sizeLineFeed
        case payload, payloadReturn, payloadLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, lastLineFeed
        case done
    }

    private var state = State.size
    private var digitCount = 0
    /// While a size is read, its value so far; then what is missing of the chunk.
    private var remaining: Int64 = 0
    /// Payload that the chunks still to come may have.
    private var allowance: Int64
    private var extensionBytes = 0
    private var trailerBytes = 0
    private(set) var trailers = Trailers()

    init(maxPayloadBytes: Int64) { self.allowance = maxPayloadBytes }

    var isDone: Bool { self.state == .done }

    var isUntouched: Bool { self.state == .size && self.digitCount == 0 }

    /// Goes on to the next piece of payload, to the end of the bytes, or to the end of the body.
    mutating func step(_ bytes: UnsafeRawBufferPointer) -> Step {
        var offset = 0
        while true {
            if self.state == .done { return .end(offset) }
            guard offset < bytes.count else { return .needMore }
            if self.state == .payload {
                let count = min(self.remaining, Int64(bytes.count - offset))
                self.remaining -= count
                if self.remaining == 0 { self.state = .payloadReturn }
                return .payload(ByteRange(start: offset, end: offset + Int(count)))
            }
            if let reason = self.take(bytes[offset]) { return .failed(reason) }
            offset += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> WireFailure.Reason? {
        switch self.state {
        case .size, .sizeOrEnd: return self.takeSize(byte)
        case .sizePadding: return self.endSize(byte)
        case .extensionText: return self.takeExtension(byte)
        case .sizeLineFeed:
            guard byte == ASCII.lineFeed else { return .bareCarriageReturn }
            self.state = self.remaining == 0 ? .trailerStart : .payload
            self.digitCount = 0
        case .payloadReturn:
            guard byte == ASCII.carriageReturn else { return .chunkEndMissing }
            self.state = .payloadLineFeed
        case .payloadLineFeed:
            guard byte == ASCII.lineFeed else { return .chunkEndMissing }
            self.state = .size
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            return self.takeTrailer(byte)
        case .payload, .done:
            preconditionFailure("not taken byte by byte")
        }
        return nil
    }

    private mutating func takeSize(_ byte: UInt8) -> WireFailure.Reason? {
        if let digit = ASCII.hexValue(byte) {
            if self.digitCount == 0 { self.remaining = 0 }
            self.digitCount += 1
            guard self.digitCount <= 16 else { return .chunkSizeInvalid }
            // Before the shift, so that nothing overflows; what passes here and is too large after it fails below.
            guard self.remaining <= self.allowance >> 4 else { return .payloadTooLarge }
            self.remaining = self.remaining << 4 | Int64(digit)
            guard self.remaining <= self.allowance else { return .payloadTooLarge }
            self.state = .sizeOrEnd
            return nil
        }
        guard self.state == .sizeOrEnd else { return .chunkSizeInvalid }
        return self.endSize(byte)
    }

    private mutating func endSize(_ byte: UInt8) -> WireFailure.Reason? {
        switch byte {
        case ASCII.carriageReturn:
            self.state = .sizeLineFeed
            self.allowance -= self.remaining
            return nil
        case 0x3B:
            self.state = .extensionText
            self.allowance -= self.remaining
        case ASCII.space, ASCII.tab: self.state = .sizePadding
        default: return .chunkSizeInvalid
        }
        self.extensionBytes += 1
        return self.extensionBytes > BodyReader.maxExtensionBytes ? .chunkExtensionsTooLong : nil
    }

    private mutating func takeExtension(_ byte: UInt8) -> WireFailure.Reason? {
        if byte == ASCII.carriageReturn {
            self.state = .sizeLineFeed
            return nil
        }
        guard Self.isText(byte) else { return .chunkExtensionInvalid }
        self.extensionBytes += 1
        return self.extensionBytes > BodyReader.maxExtensionBytes ? .chunkExtensionsTooLong : nil
    }

    private mutating func takeTrailer(_ byte: UInt8) -> WireFailure.Reason? {
        self.trailerBytes += 1
        guard self.trailerBytes <= BodyReader.maxTrailerBytes else { return .trailersTooLong }
        switch self.state {
        case .trailerStart where byte == ASCII.carriageReturn: self.state = .lastLineFeed
        case .trailerStart:
            guard ASCII.isToken(byte) else { return .trailerInvalid }
            self.trailers.takeName(byte)
            self.state = .trailerName
        case .trailerName where byte == ASCII.colon:
            self.trailers.endName()
            self.state = .trailerValue
        case .trailerName:
            guard ASCII.isToken(byte) else { return .trailerInvalid }
            self.trailers.takeName(byte)
        case .trailerValue where byte == ASCII.carriageReturn:
            self.trailers.endLine()
            self.state = .trailerLineFeed
        case .trailerValue:
            guard Self.isText(byte) else { return .trailerInvalid }
            self.trailers.takeValue(byte)
        case .trailerLineFeed:
            guard byte == ASCII.lineFeed else { return .trailerInvalid }
            self.state = .trailerStart
        default:
            guard byte == ASCII.lineFeed else { return .trailerInvalid }
            self.state = .done
        }
        return nil
    }

    /// A byte that a field value or an extension may hold.
    private static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == ASCII.tab }
}
