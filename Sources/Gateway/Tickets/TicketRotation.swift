import Admission
import EventLoop
import Logging
import Primitives
import Settings
import SharedState
import Tokens
import Transport

/// Keeps the keys of all listeners' session tickets: reads those of the shared state, renews them there when it is
/// time, and hands them to the listeners. Lives on the gateway's home loop, and asks the shared state a few times a period
/// whatever the traffic.
final class TicketRotation {
    private static let lookNanoseconds = Nanoseconds.perSecond
    /// As long as other gateways' keys are not known: at the start the way to the shared state is still being made.
    private static let impatientNanoseconds = 100 * Nanoseconds.perMillisecond
    /// So many failures in a row, some three seconds, are told; a start has one or two of its own.
    private static let toldFailures = 30
    /// The shared state is asked so often in a period, at most once a second, and at least once a minute.
    private static let asksPerPeriod: Int64 = 16
    private static let longestPause = 60 * Nanoseconds.perSecond

    /// Listeners with the same keys.
    private struct Group {
        let listeners: [TLSTicketKeys]
        var keeper: TicketKeeper
        var inForce: TicketKeySet?
        /// How often another key began to seal.
        var changeCount = 0
    }

    private let loop: any LoopContext
    private let store: (any TicketStore)?
    private let log: Logger
    private let periodNanoseconds: Int64
    private let all: [TLSTicketKeys]
    private var signingKeys: [SigningKey]
    private var seal: TicketSeal
    /// Of the listeners that share their keys with other gateways; has none when there are none.
    private var shared: Group
    private var own: [Group]
    private var timer: LoopTimer?
    private var nextAsk: Instant
    private var isAsking = false
    /// In a row.
    private var failureCount = 0
    private var isTold = false
    private var isUnreadableTold = false
    private var isReplacementTold = false
    private var isSharedNow = false

    init(
        loop: any LoopContext,
        listeners: [GatewayListener],
        store: (any TicketStore)?,
        keys: [SigningKey],
        periodNanoseconds: Int64,
        log: Logger
    ) {
        self.loop = loop
        self.store = store
        self.log = log
        self.periodNanoseconds = periodNanoseconds
        self.signingKeys = keys
        self.seal = TicketSeal(keys: keys)
        self.nextAsk = loop.now
        let secure = listeners.filter { $0.identity != nil }
        self.all = secure.map(\.ticketKeys)
        let keeper = TicketKeeper(periodMicros: periodNanoseconds / Nanoseconds.perMicrosecond)
        self.shared = Group(listeners: secure.filter { $0.tickets == .shared }.map(\.ticketKeys), keeper: keeper)
        self.own = secure.filter { $0.tickets == .own }.map { Group(listeners: [$0.ticketKeys], keeper: keeper) }
    }

    /// Before the first client comes.
    func start() {
        guard !self.shared.listeners.isEmpty || !self.own.isEmpty else { return }
        let timer = LoopTimer(loop: self.loop) { [weak self] in
            self?.look()
        }
        self.timer = timer
        self.look()
    }

    func stop() {
        self.timer?.disarm()
        self.timer = nil
    }

    /// New signing keys, which also seal the keys of tickets.
    func apply(keys: [SigningKey]) {
        guard keys != self.signingKeys else { return }
        self.signingKeys = keys
        self.seal = TicketSeal(keys: keys)
        self.shared.keeper.changedSecrets()
    }

    private func look() {
        let isMissing = self.store != nil && !self.shared.listeners.isEmpty && !self.isSharedNow
        self.timer?.arm(afterNanoseconds: isMissing ? Self.impatientNanoseconds : Self.lookNanoseconds)
        for place in self.own.indices { _ = self.putInForce(&self.own[place]) }
        for keys in self.all { keys.freeReplaced() }
        guard !self.shared.listeners.isEmpty else { return }
        self.putSharedInForce()
        self.ask()
    }

    /// Whether the sealing key is this gateway's own.
    private func putInForce(_ group: inout Group) -> Bool {
        let (set, isOwn) = group.keeper.keys(wallMicros: self.loop.wallMicros)
        if set != group.inForce {
            if set.keys.first != group.inForce?.keys.first { group.changeCount += 1 }
            group.inForce = set
            for keys in group.listeners { keys.install(set) }
        }
        return isOwn
    }

    private func putSharedInForce() {
        let isOwn = self.putInForce(&self.shared)
        self.isSharedNow = !isOwn
        if !isOwn, self.isTold {
            self.isTold = false
            self.log.notice("TLS sessions resume at every gateway again")
        } else if isOwn, self.failureCount >= Self.toldFailures, !self.isTold {
            self.isTold = true
            self.log.warning(
                "until the shared state is back, TLS sessions resume only here: tickets get keys of this gateway's own"
            )
        }
    }

    // MARK: The shared state

    private func ask() {
        guard let store = self.store, !self.isAsking, self.loop.now >= self.nextAsk else { return }
        self.isAsking = true
        store.load { [weak self] result in self?.take(result, mayReplace: true) }
    }

    private func take(_ result: Result<TicketRecord, StoreError>, mayReplace: Bool) {
        self.isAsking = false
        let pause = min(max(self.periodNanoseconds / Self.asksPerPeriod, Self.lookNanoseconds), Self.longestPause)
        self.nextAsk = self.loop.now.advanced(byNanoseconds: pause)
        switch result {
        case .failure(let error):
            self.failureCount += 1
            // While there is nothing to share, each look asks.
            if !self.isSharedNow { self.nextAsk = self.loop.now }
            self.log.debug("the ticket keys cannot be read", metadata: ["error": "\(error)"])
        case .success(let record):
            self.failureCount = 0
            self.take(record, mayReplace: mayReplace)
        }
        if self.timer != nil { self.putSharedInForce() }
    }

    private func take(_ record: TicketRecord, mayReplace: Bool) {
        var stored: TicketKeyRing?
        var isByFirstKey = true
        if let sealed = record.sealed {
            guard let opened = self.seal.open(sealed), let ring = TicketKeyRing(encoded: opened.content) else {
                return self.takeUnreadable(sealed, record, mayReplace: mayReplace)
            }
            self.isUnreadableTold = false
            self.isReplacementTold = false
            isByFirstKey = opened.isByFirstKey
            stored = ring
            self.shared.keeper.took(ring, atMicros: record.atMicros, wallMicros: self.loop.wallMicros)
        } else {
            self.shared.keeper.foundNone()
        }
        guard mayReplace else { return }
        let renewal = self.shared.keeper.renewal(of: stored, atMicros: record.atMicros)
        guard let ring = renewal ?? (isByFirstKey ? nil : stored) else { return }
        self.replace(record, by: ring)
    }

    private func replace(_ record: TicketRecord, by ring: TicketKeyRing) {
        guard self.timer != nil, let store = self.store else { return }
        let last = ring.keys.map(\.acceptedUntilMicros).max() ?? record.atMicros
        self.isAsking = true
        store.replace(
            expected: record.sealed,
            with: self.seal.seal(ring.encoded),
            keptMillis: max(1_000, (last - record.atMicros) / 1_000)
        ) { [weak self] in self?.take($0, mayReplace: false) }
    }

    /// Sessions resume at this gateway only, or with keys that were known before, until those are gone.
    private func takeUnreadable(_ sealed: [UInt8], _ record: TicketRecord, mayReplace: Bool) {
        if !self.isUnreadableTold {
            self.isUnreadableTold = true
            self.log.warning(
                "the keys of TLS session tickets in Redis cannot be read: do all gateways have the same signing_keys?"
            )
        }
        let isTime = self.shared.keeper.couldNotRead(sealed, now: self.loop.now)
        guard isTime, mayReplace, let ring = self.shared.keeper.renewal(of: nil, atMicros: record.atMicros) else {
            return
        }
        if !self.isReplacementTold {
            self.isReplacementTold = true
            self.log.warning(
                """
                the keys of TLS session tickets in Redis that cannot be read here are replaced: gateways that have \
                other signing_keys than this one resume no sessions of its tickets
                """
            )
        }
        self.replace(record, by: ring)
    }

    // MARK: What is told

    struct Report: Sendable, Equatable {
        var full = 0
        var resumed = 0
        /// That tickets of listeners with shared keys are opened with.
        var keys = 0
        /// How often another of them began to seal.
        var keyChanges = 0
        /// Their sealing key is one that other gateways have.
        var isShared = false
    }

    /// Nil where no listener speaks TLS.
    var report: Report? {
        guard !self.all.isEmpty else { return nil }
        var report = Report(
            keys: self.shared.inForce?.keys.count ?? 0,
            keyChanges: self.shared.changeCount,
            isShared: self.isSharedNow
        )
        for keys in self.all {
            let (full, resumed) = keys.handshakes
            report.full += full
            report.resumed += resumed
        }
        return report
    }
}
