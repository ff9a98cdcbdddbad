import Primitives

@testable import Admission

/// One gateway of a history: its file, what it knows, the block it holds.
struct HistoryGateway {
    /// Another one with each start.
    private(set) var name: String
    private var starts = 0
    private var limits: RoomLimits
    private var generation: Int64 = 1
    private(set) var known = KnownMarks.nothing
    /// The room's time as the last tick's answer told it, and when that was.
    private var told: (roomMicros: Int64, atMicros: Int64)?
    private var eventsSeen: Int64?
    private var generationHeard: Int64 = 0
    private var returnedMicros: Int64 = 0
    private var block: ClosedRange<Int64>?
    private var used: Int64 = 0
    /// Lines that its visitors have shown since.
    private var older: [Int64: SeenLine] = [:]

    init(name: String, limits: RoomLimits) {
        self.name = name
        self.limits = limits
    }

    /// Mostly a newer file; now and then another one of the same generation, or an older one.
    mutating func changeFile(_ limits: RoomLimits, _ random: inout SplitMix64) {
        self.limits = limits
        self.generation = max(0, self.generation + Int64.random(in: -1...3, using: &random))
    }

    /// Visitors with places of the former line come back to it.
    mutating func restart() {
        self.leaveLine()
        self.starts += 1
        self.name = "\(self.name.prefix(6))-\(self.starts)"
        self.known = .nothing
        self.told = nil
        self.eventsSeen = nil
        self.generationHeard = 0
        self.returnedMicros = 0
    }

    mutating func tick(healthy: Int64?, wantsBlock: Bool) -> RoomTick {
        defer {
            // Given up, whether an answer comes or not.
            if !wantsBlock { (self.block, self.used) = (nil, 0) }
        }
        return RoomTick(
            gateway: self.name,
            limits: self.limits,
            generation: self.generation,
            healthy: healthy,
            eventsSeen: self.eventsSeen,
            block: BlockReport(start: self.block?.lowerBound ?? 0, used: self.used, size: wantsBlock ? 20 : 0),
            retention: RoomRetention(journalEntries: 1_000, journalMicros: 315_360_000_000_000),
            older: self.older.values.sorted { $0.epoch < $1.epoch }.suffix(8),
            generationHeard: self.generationHeard,
            returnedMicros: self.returnedMicros
        )
    }

    /// The next number of its block, while the shared state is away; nil when there is none.
    mutating func handOutAlone() -> Int64? {
        guard let block = self.block, self.used < block.upperBound else { return nil }
        self.used = max(self.used + 1, block.lowerBound)
        self.known.raise(epoch: self.known.epoch, issued: self.used, serving: 0)
        return self.used
    }

    /// What goes with a call. In a history answers come in no time.
    func known(atMicros now: Int64) -> KnownMarks {
        var known = self.known
        if let told = self.told { known.reckonedMicros = told.roomMicros + now - told.atMicros }
        return known
    }

    mutating func take(_ answer: History.Answer, atMicros now: Int64) {
        switch answer {
        case .join(let grant): self.take(grant.line)
        case .exchange(let exchange): self.take(exchange.line)
        case .renew(let renewal): self.take(renewal.line)
        case .count(let count): self.take(count.line)
        case .allowed(let allowed): self.take(allowed.line)
        case .reset(let line): self.take(line)
        case .tick(let tick):
            self.take(tick.snapshot.line)
            self.known.raise(tick.snapshot)
            self.told = (tick.snapshot.nowMicros, now)
            self.older = self.older.filter { $0.key >= self.known.voidBefore }
            self.eventsSeen = tick.events
            self.returnedMicros = tick.returnedMicros
            self.generationHeard = max(self.generationHeard, tick.snapshot.generation)
            if tick.block?.lowerBound != self.block?.lowerBound {
                self.block = tick.block
                self.used = 0
            }
        case .failed: break
        }
    }

    private mutating func take(_ line: LineMarks) {
        if line.epoch > self.known.epoch { self.leaveLine() }
        self.known.raise(line)
    }

    private mutating func leaveLine() {
        self.block = nil
        self.used = 0
        guard self.known.epoch > 0, self.known.issued > 0 else { return }
        self.older[self.known.epoch] = SeenLine(
            epoch: self.known.epoch,
            lowest: min(self.known.issued, self.known.serving + 1),
            highest: self.known.issued,
            serving: self.known.serving
        )
    }
}
