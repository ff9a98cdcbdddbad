import Primitives

/// What bounds the handshakes of one loop.
struct HandshakeRules: Equatable, Sendable {
    /// How many may wait at once. Each costs a few kilobytes here, and its hello lies in the kernel.
    var waitingMax = 16_384
    /// How long a turn of the loop does handshakes, while those who are connected wait. A single one may take longer.
    var budgetNanoseconds = 5 * Nanoseconds.perMillisecond
    /// When the one who has waited longest has waited so long, the loop cannot keep up. From then on the newest are
    /// served first: they are the ones whose clients still wait for the answer.
    var patienceNanoseconds = 1 * Nanoseconds.perSecond
    /// Who has waited so long gets no handshake any more.
    var timeoutNanoseconds = 5 * Nanoseconds.perSecond
}

/// Where somebody waits; good until that one is served, dismissed or has left.
struct HandshakePlace: Equatable, Sendable {
    fileprivate let index: Int
}

/// Whose TLS handshake a loop does next, and who gets none. A value; `HandshakeLine` does what it says.
///
/// A handshake costs the server a signature, many times as much as an answer to somebody who is connected. Done
/// as they come, more than a core can serve delay each other until all the clients have given up, and all the work was
/// for nothing. Here everybody waits for a turn: first come first served while the loop keeps up, newest first while it
/// does not. That is known as adaptive LIFO: under overload it serves as many as there are turns, each at once, instead
/// of all of them too late.
///
/// The line is bounded. When it is full, whoever would have the last turn goes: the newcomer, or, while the newest are
/// served first, the oldest.
struct HandshakeOrder<Waiter> {
    enum Welcome {
        /// `mustCall`: nothing is under way, so that the caller has to bring about `begin`. `displaced` had to make room.
        case waits(HandshakePlace, mustCall: Bool, displaced: Waiter?)
        /// The line is full.
        case turnedAway
    }

    enum Step {
        /// Do this one's handshake; the place is no more.
        case serve(Waiter)
        /// This one has waited for too long; the place is no more.
        case dismiss(Waiter)
        /// The budget is used up. Call `begin` again when those who are connected have had their turn.
        case giveWay
        /// Nobody waits.
        case rest
    }

    private enum Standing {
        /// Nobody waits.
        case resting
        /// The caller has been told to bring about `begin`.
        case called
        case serving(until: Instant, hasServed: Bool)
    }

    private struct Spot {
        /// Nil while the spot is free.
        var waiter: Waiter?
        var since = Instant(nanoseconds: 0)
        var older: Int?
        /// In a free spot the next free one.
        var newer: Int?
    }

    /// A lower limit sends nobody away who waits already.
    var rules: HandshakeRules
    private(set) var count = 0
    private var standing = Standing.resting
    /// Linked from the oldest to the newest, so that anybody may leave at any time.
    private var spots: ContiguousArray<Spot> = []
    private var oldest: Int?
    private var newest: Int?
    private var firstFree: Int?

    init(rules: HandshakeRules = HandshakeRules()) { self.rules = rules }

    // MARK: Coming and leaving

    mutating func arrive(_ waiter: Waiter, now: Instant) -> Welcome {
        var displaced: Waiter?
        if self.count >= self.rules.waitingMax {
            guard let oldest = self.oldest, self.isBehind(now: now) else { return .turnedAway }
            displaced = self.remove(oldest)
        }
        let place = self.append(waiter, now: now)
        guard case .resting = self.standing else { return .waits(place, mustCall: false, displaced: displaced) }
        self.standing = .called
        return .waits(place, mustCall: true, displaced: displaced)
    }

    /// This one's client has gone, or is no longer wanted.
    mutating func leave(_ place: HandshakePlace) { _ = self.remove(place.index) }

    // MARK: Turns

    /// The time for handshakes has come: `next` says which, until it says that it is over.
    mutating func begin(now: Instant) {
        guard case .called = self.standing else { preconditionFailure("handshakes begin when they were called for") }
        self.standing = .serving(until: now.advanced(byNanoseconds: self.rules.budgetNanoseconds), hasServed: false)
    }

    /// `now` is the time itself, not that of the turn's beginning. At least one is served in each turn, unless all have
    /// waited for too long.
    mutating func next(now: Instant) -> Step {
        guard case .serving(let end, let hasServed) = self.standing else {
            preconditionFailure("a handshake outside of the time for handshakes")
        }
        guard let oldest = self.oldest, let newest = self.newest else {
            self.standing = .resting
            return .rest
        }
        let isOver = now >= end
        if !isOver, self.isLate(oldest, now: now) { return .dismiss(self.remove(oldest)) }
        let chosen = self.isBehind(now: now) ? newest : oldest
        if isOver, hasServed || self.isLate(chosen, now: now) {
            self.standing = .called
            return .giveWay
        }
        self.standing = .serving(until: end, hasServed: true)
        return .serve(self.remove(chosen))
    }

    /// The loop does not keep up: the newest go first.
    private func isBehind(now: Instant) -> Bool {
        guard let oldest = self.oldest else { return false }
        return now.nanoseconds(since: self.spots[oldest].since) >= self.rules.patienceNanoseconds
    }

    private func isLate(_ index: Int, now: Instant) -> Bool {
        now.nanoseconds(since: self.spots[index].since) >= self.rules.timeoutNanoseconds
    }

    // MARK: The list

    private mutating func append(_ waiter: Waiter, now: Instant) -> HandshakePlace {
        let spot = Spot(waiter: waiter, since: now, older: self.newest, newer: nil)
        let index: Int
        if let free = self.firstFree {
            index = free
            self.firstFree = self.spots[free].newer
            self.spots[free] = spot
        } else {
            index = self.spots.count
            self.spots.append(spot)
        }
        if let newest = self.newest { self.spots[newest].newer = index } else { self.oldest = index }
        self.newest = index
        self.count += 1
        return HandshakePlace(index: index)
    }

    private mutating func remove(_ index: Int) -> Waiter {
        let spot = self.spots[index]
        guard let waiter = spot.waiter else { preconditionFailure("somebody left the line twice") }
        if let older = spot.older { self.spots[older].newer = spot.newer } else { self.oldest = spot.newer }
        if let newer = spot.newer { self.spots[newer].older = spot.older } else { self.newest = spot.older }
        self.spots[index] = Spot(waiter: nil, older: nil, newer: self.firstFree)
        self.firstFree = index
        self.count -= 1
        return waiter
    }
}
