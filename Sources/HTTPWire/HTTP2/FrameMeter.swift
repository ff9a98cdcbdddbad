import Primitives

/// Walks the frames that a client of HTTP/2 sends by their headers alone (RFC 9113 section 4.1), and counts those that
/// make work and ask for nothing. A value that is told of the bytes before anybody else reads them.
///
/// What is bounded, and how much a client may do at once and in the long run:
/// - requests that are taken back, or refused for being malformed: `resets`. Each that a worker has served gives one
///   back, so that impatient people are not taken for an attack, however many pages they look at; but no more in a
///   second than a person could look at.
/// - frames without content (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown ones): `frames`. Each frame
///   of data that the client is sent may be confirmed twice, each request may be followed by a few.
/// - heads: `frames`, too. One more than the streams that are allowed makes no request, but a reset that waits to be
///   sent. A request that was served has brought back more than its head cost, unless that was a large one.
/// - one head: so many frames and bytes before they are decoded.
public struct FrameMeter: Sendable, Equatable {
    /// What a client did too much of.
    public enum Excess: String, Sendable, CaseIterable {
        case resets, frames, continuations, heads
    }

    /// The first bytes of a client (RFC 9113 section 3.4); the meter passes over as many.
    public static let prefaceBytes = 24
    /// Frames of one head: its first one, and these. A head of the largest size that may be configured needs two.
    public static let continuationsMax = 8
    /// Bytes of one head as they come, compressed or not.
    public static let headBlockBytesMax = 64 * 1_024
    /// What one head may decode to, as `RequestTranslation.listBytes` counts: a few bytes can stand for many.
    public static let headListBytesMax = 256 * 1_024
    public static let resetsAtOnce = 200
    public static let resetsPerSecond = 20
    /// What served requests may give back.
    public static let resetsEarnedPerSecond = 10 * FrameMeter.resetsPerSecond
    public static let framesAtOnce = 1_000
    public static let framesPerSecond = 100
    /// As many as a client may have earned.
    static let framesSavedMax = 8_000
    /// A change of settings may touch every stream.
    static let settingsCost = 10
    /// What a head that was too large costs, in requests that are taken back: it was decoded for nothing.
    static let largeHeadCost = 10

    private enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let continuation: UInt8 = 9
    }

    private enum Flag {
        static let endStream: UInt8 = 1
        static let endHeaders: UInt8 = 4
        static let padded: UInt8 = 8
    }

    private static let frameHeaderBytes = 9
    /// So many bytes of a head cost as much as a frame.
    static let headBytesOfAFrame = 1_024
    /// Payload of a frame that is worth confirming.
    static let earningDataBytes = 512

    private var prefaceLeft = FrameMeter.prefaceBytes
    /// The bytes of a frame's header that have come, the latest one lowest. Its first five say all that counts here.
    private var header: UInt64 = 0
    private var headerCount = 0
    /// Of the frame whose header is being read.
    private var nextLength = 0
    private var payloadLeft = 0
    private var continuations = 0
    private var blockBytes = 0
    /// A head has begun, and its last frame has not come.
    private var isBlockOpen = false
    private var resets: Allowance
    /// What may still be earned of them.
    private var resetEarnings: Allowance
    private var frames: Allowance

    public init(now: Instant) {
        self.resets = Allowance(atOnce: Self.resetsAtOnce, perSecond: Self.resetsPerSecond, now: now)
        self.resetEarnings = Allowance(
            atOnce: Self.resetsEarnedPerSecond,
            perSecond: Self.resetsEarnedPerSecond,
            now: now
        )
        self.frames = Allowance(
            atOnce: Self.framesAtOnce,
            perSecond: Self.framesPerSecond,
            savedMax: Self.framesSavedMax,
            now: now
        )
    }

    /// A frame, or the preface, has begun and is not complete.
    public var isWithinFrame: Bool { self.payloadLeft > 0 || self.headerCount > 0 || self.isWithinPreface }
    private var isWithinPreface: Bool { self.prefaceLeft > 0 && self.prefaceLeft < Self.prefaceBytes }
    /// A head has begun and is not complete.
    public private(set) var isWithinHead = false

    /// The next bytes of the client. An excess ends the connection: the meter is not asked again.
    public mutating func take(_ bytes: UnsafeRawBufferPointer, now: Instant) -> Excess? {
        var position = min(self.prefaceLeft, bytes.count)
        self.prefaceLeft -= position
        while position < bytes.count {
            if self.payloadLeft > 0 {
                let step = min(self.payloadLeft, bytes.count - position)
                self.payloadLeft -= step
                position += step
            } else {
                self.header = self.header << 8 | UInt64(bytes[position])
                self.headerCount += 1
                position += 1
                // What follows is the number of the stream.
                if self.headerCount == 5 {
                    let excess = self.frameBegan(
                        length: Int(self.header >> 16 & 0xFF_FFFF),
                        kind: UInt8(truncatingIfNeeded: self.header >> 8),
                        flags: UInt8(truncatingIfNeeded: self.header),
                        now
                    )
                    if let excess { return excess }
                }
                guard self.headerCount == Self.frameHeaderBytes else { continue }
                self.headerCount = 0
                self.header = 0
                self.payloadLeft = self.nextLength
            }
            if self.payloadLeft == 0, self.headerCount == 0, !self.isBlockOpen { self.isWithinHead = false }
        }
        return nil
    }

    private mutating func frameBegan(length: Int, kind: UInt8, flags: UInt8, _ now: Instant) -> Excess? {
        self.nextLength = length
        switch kind {
        case Kind.headers:
            self.continuations = 0
            self.blockBytes = 0
            return self.headGrew(by: length, flags, now) ?? self.spend(1, now)
        case Kind.continuation:
            self.continuations += 1
            return self.continuations > Self.continuationsMax ? .continuations : self.headGrew(by: length, flags, now)
        case Kind.data:
            let isEmpty = length == 0 || flags & Flag.padded != 0 && length <= 256
            // An end of a request as well: of streams that are over they cost as much, and bring nothing.
            return isEmpty ? self.spend(1, now) : nil
        case Kind.resetStream: return self.resets.spend(1, now: now) ? self.spend(1, now) : .resets
        case Kind.settings: return self.spend(Self.settingsCost, now)
        default: return self.spend(1, now)
        }
    }

    /// Each KiB costs as much as a frame: it is decoded, whether its stream takes it or is over.
    private mutating func headGrew(by length: Int, _ flags: UInt8, _ now: Instant) -> Excess? {
        self.blockBytes += length
        self.isWithinHead = true
        self.isBlockOpen = flags & Flag.endHeaders == 0
        return self.blockBytes > Self.headBlockBytesMax
            ? .continuations : self.spend(length / Self.headBytesOfAFrame, now)
    }

    private mutating func spend(_ cost: Int, _ now: Instant) -> Excess? {
        self.frames.spend(cost, now: now) ? nil : .frames
    }

    // MARK: What others know

    /// A request had its whole response. One that was made here has cost little, and gives no right to cost more.
    public mutating func requestServed(byWorker: Bool, now: Instant) {
        self.frames.earn(4)
        if byWorker, self.resetEarnings.spend(1, now: now) { self.resets.earn(1) }
    }

    /// The client was sent a frame of data. A small one gives nothing back, unless it `emptiedOutput`: there was no
    /// more to send. Else a client would earn by opening its window byte by byte.
    public mutating func dataSent(bytes: Int, emptiedOutput: Bool) {
        if bytes >= Self.earningDataBytes || emptiedOutput { self.frames.earn(2) }
    }

    /// A request was reset here because the client broke the rules: as good as one that it took back.
    public mutating func requestWasFaulty(now: Instant) -> Excess? { self.resets.spend(1, now: now) ? nil : .resets }

    /// A request's fields were more than a head may have.
    public mutating func headWasTooLarge(now: Instant) -> Excess? {
        self.resets.spend(Self.largeHeadCost, now: now) ? nil : .heads
    }
}

/// So much at once, and so much a second in the long run.
struct Allowance: Sendable, Equatable {
    private let atOnce: Int
    private let perSecond: Int64
    private let savedMax: Int
    private(set) var left: Int
    private var filled: Instant

    /// - Parameter savedMax: as much as can be earned; nil for no more than at once.
    init(atOnce: Int, perSecond: Int, savedMax: Int? = nil, now: Instant) {
        precondition(perSecond > 0, "an allowance comes back")
        self.atOnce = atOnce
        self.perSecond = Int64(perSecond)
        self.savedMax = savedMax ?? atOnce
        self.left = atOnce
        self.filled = now
    }

    /// False when there is not so much left.
    mutating func spend(_ cost: Int, now: Instant) -> Bool {
        self.fill(now)
        guard cost <= self.left else { return false }
        self.left -= cost
        return true
    }

    mutating func earn(_ count: Int) { self.left = max(self.left, min(self.left + count, self.savedMax)) }

    /// What time brings fills up to `atOnce`; what was earned beyond stays.
    private mutating func fill(_ now: Instant) {
        guard self.left < self.atOnce else { return self.filled = now }
        // By then it is full in any case.
        let elapsed = min(now.nanoseconds(since: self.filled), 3_600 * Nanoseconds.perSecond)
        let count = elapsed * self.perSecond / Nanoseconds.perSecond
        guard count > 0 else { return }
        self.left += Int(count)
        self.filled = self.filled.advanced(byNanoseconds: count * Nanoseconds.perSecond / self.perSecond)
        guard self.left >= self.atOnce else { return }
        self.left = self.atOnce
        self.filled = now
    }
}
