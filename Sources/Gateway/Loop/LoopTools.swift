import EventLoop
import HTTPWire
import Logging
import Primitives
import Settings
import Tokens
import Transport

/// What everything of the gateway on one loop uses: clock and timers, limits, keys, counters, and memory to scribble in.
/// Confined to the loop.
final class LoopTools {
    let loop: any LoopContext
    let network: any Network
    let reach = WorkerReach()
    /// Loops of this gateway.
    let loopCount: Int
    let log: Logger
    var limits: LimitSettings
    var forwarding = ForwardingRules()
    /// Nil without an access log.
    var accessLog: AccessLogDesk?
    /// For ids of requests and of steps of a trace.
    var randomIDs = RandomWords()
    var signer: TokenSigner
    var counters = LoopCounters()
    var random: SplitMix64
    /// The gateway takes no new work: every response ends its connection.
    var isDraining: Bool { self.draining.isUp }
    private let draining: DrainFlag

    /// The request and the response that are being read right now: done with when the call returns.
    var requestHead = RequestHead(limits: LoopTools.widestLimits)
    var responseHead = ResponseHead(limits: LoopTools.widestLimits)
    static let widestLimits = HeadLimits(maxHeadBytes: 32 * 1_024, maxTargetBytes: 16 * 1_024, maxFields: 1_000)
    static let responseLimits = HeadLimits(maxHeadBytes: 32 * 1_024, maxTargetBytes: 16 * 1_024, maxFields: 200)

    /// For the gateway's own pages, while a head is written into the loop's own scratch.
    let pageScratch: UnsafeMutableRawBufferPointer
    private static let pageScratchBytes = 16 * 1_024
    private var dateSecond: Int64 = -1
    private var date = [UInt8](repeating: 0, count: HTTPDate.byteCount)
    private var spareHeads: [[UInt8]] = []
    private static let maxSpareHeads = 64
    private static let largestSpareHead = 4 * 1_024

    init(
        loop: any LoopContext,
        network: any Network,
        loopCount: Int,
        limits: LimitSettings,
        keys: [SigningKey],
        draining: DrainFlag,
        seed: UInt64,
        log: Logger
    ) {
        self.loop = loop
        self.network = network
        self.loopCount = loopCount
        self.limits = limits
        self.signer = TokenSigner(keys: keys)
        self.draining = draining
        self.random = SplitMix64(seed: seed)
        self.log = log
        self.pageScratch = .allocate(byteCount: Self.pageScratchBytes, alignment: 64)
    }

    deinit { self.pageScratch.deallocate() }

    var now: Instant { self.loop.now }
    var wallMicros: Int64 { self.loop.wallMicros }

    var requestLimits: HeadLimits {
        HeadLimits(
            maxHeadBytes: self.limits.headBytes,
            maxTargetBytes: self.limits.targetBytes,
            maxFields: self.limits.fields
        )
    }

    /// `Date: ...` with its line end; made anew once a second.
    func appendDate(to writer: inout ByteWriter) {
        let second = self.loop.wallMicros / 1_000_000
        if second != self.dateSecond {
            self.dateSecond = second
            self.date.withUnsafeMutableBytes { bytes in
                var fresh = ByteWriter(bytes)
                HTTPDate.append(unixSeconds: second, to: &fresh)
            }
        }
        writer.append("Date: ")
        writer.append(self.date)
        writer.append("\r\n")
    }

    // MARK: Heads that are kept

    /// Fills the request head from one that was complete before.
    func reparse(_ head: UnsafeRawBufferPointer) {
        var parser = RequestParser(limits: Self.widestLimits)
        precondition(
            parser.parse(head, into: &self.requestHead) == .complete,
            "a request's head that was complete no longer is"
        )
    }

    /// A copy of a head, in memory that heads before it have used.
    func keep(_ head: UnsafeRawBufferPointer) -> [UInt8] {
        guard var kept = self.spareHeads.popLast() else { return Array(head) }
        kept.append(contentsOf: head)
        return kept
    }

    /// Gives the memory of a kept head back.
    func recycle(_ head: consuming [UInt8]) {
        guard head.capacity > 0, head.capacity <= Self.largestSpareHead, self.spareHeads.count < Self.maxSpareHeads
        else { return }
        head.removeAll(keepingCapacity: true)
        self.spareHeads.append(head)
    }
}
