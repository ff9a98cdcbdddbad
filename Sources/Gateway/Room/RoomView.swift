import Admission
import Settings

/// What one loop knows of a room, and where that leaves a visitor: all that a position poll needs. A value without
/// clock, loop or store; a simulation asks the same questions.
///
/// Limits: `maxRevoked` sessions that ended early are remembered until they would have expired.
struct RoomView {
    static let maxRevoked = 65_536

    /// Where a visitor stands.
    enum Standing: Equatable {
        /// The pass is good. `isRenewalDue`: its session is past half of its life.
        case inside(number: Int64, isRenewalDue: Bool)
        /// The turn has come: the place may be exchanged.
        case called(number: Int64)
        case waiting(number: Int64)
        /// Neither a place nor a pass.
        case newcomer
    }

    /// Why a genuine token of this room counts as none.
    enum Objection: Equatable { case foreign, expired, revoked }

    let roomID: UInt64
    private(set) var limits: RoomSettings
    private(set) var snapshot: RoomSnapshot?
    /// As of the last tick, or of the last that was missed.
    var mode = RoomMode.normal
    private(set) var known = KnownMarks.nothing
    private var estimator = WaitEstimator()
    /// Sessions that ended before their pass expires, with that time in microseconds.
    private var revoked: [Int64: Int64] = [:]
    private var lastSweepMicros: Int64 = 0

    init(limits: RoomSettings) {
        self.roomID = AdmissionToken.roomID(named: limits.name)
        self.limits = limits
    }

    // MARK: What is learned

    mutating func apply(_ limits: RoomSettings) { self.limits = limits }

    mutating func observe(_ snapshot: RoomSnapshot) {
        self.snapshot = snapshot
        self.known.raise(snapshot)
        self.estimator.observe(snapshot)
    }

    /// What a join, or a visitor's verified place, tells of the line.
    mutating func raise(epoch: Int64, issued: Int64, serving: Int64) {
        self.known.raise(epoch: epoch, issued: issued, serving: serving)
    }

    mutating func raise(_ line: LineMarks) { self.known.raise(line) }

    /// The session of `number` is over, though its pass runs until `until`.
    mutating func revoke(_ number: Int64, untilMicros until: Int64, nowMicros now: Int64) {
        // Once a second at most: with all of them live, a sweep frees nothing.
        if self.revoked.count >= Self.maxRevoked, now - self.lastSweepMicros >= 1_000_000 || now < self.lastSweepMicros
        {
            self.lastSweepMicros = now
            self.revoked = self.revoked.filter { $0.value > now }
        }
        // Full of live ones: the pass runs to its end, its slot is free already.
        guard self.revoked.count < Self.maxRevoked else { return }
        self.revoked[number] = until
    }

    /// The visitor was let in again: the new pass is good.
    mutating func readmit(_ number: Int64) {
        if !self.revoked.isEmpty { self.revoked[number] = nil }
    }

    // MARK: Tokens

    /// What speaks against a genuine token of `kind`; nil when nothing does.
    func objection(to token: AdmissionToken, as kind: AdmissionToken.Kind, nowMicros now: Int64) -> Objection? {
        guard token.kind == kind, token.room == self.roomID else { return .foreign }
        guard Int64(token.expiresSeconds) * 1_000_000 > now,
            self.known.epoch == 0 || Int64(token.epoch) == self.known.epoch
        else { return .expired }
        guard kind == .pass, !self.revoked.isEmpty, let until = self.revoked[token.number] else { return nil }
        return until > now ? .revoked : nil
    }

    // MARK: Standing

    /// `pass` and `place` are tokens without an objection.
    func standing(pass: AdmissionToken?, place: AdmissionToken?, nowMicros now: Int64) -> Standing {
        if let pass {
            let left = Int64(pass.expiresSeconds) * 1_000_000 - now
            return .inside(number: pass.number, isRenewalDue: left < self.limits.sessionMicros / 2)
        }
        guard let place else { return .newcomer }
        return place.number <= self.known.serving ? .called(number: place.number) : .waiting(number: place.number)
    }

    /// What the visitor with that place is shown. `random` spreads the refreshes of those who came together.
    func position(of number: Int64, isAtDoor: Bool = false, nowMicros now: Int64, random: UInt64) -> WaitingPosition {
        let ahead = max(0, number - self.known.serving - 1)
        let refresh =
            isAtDoor
            ? 1
            : self.estimator.pollSeconds(
                ahead: ahead,
                horizonMicros: self.limits.horizonMicros,
                configuredMilli: self.limits.inflowMilli,
                random: random
            )
        return WaitingPosition(
            state: isAtDoor ? .atDoor : .waiting,
            number: number,
            ahead: ahead,
            waiting: max(0, self.known.issued - self.known.serving),
            estimateSeconds: self.estimator.estimate(ahead: ahead, configuredMilli: self.limits.inflowMilli),
            refreshSeconds: refresh,
            opensInSeconds: max(0, ((self.limits.opensAtMicros ?? 0) - now + 999_999) / 1_000_000),
            mode: self.mode
        )
    }

    // MARK: Tokens for visitors

    /// A place is good for this long after it was given out.
    static let placeLifetimeSeconds: UInt32 = 24 * 3_600

    func place(number: Int64, keyID: UInt8, nowMicros now: Int64) -> AdmissionToken {
        let seconds = UInt32(clamping: now / 1_000_000)
        return self.token(.place, number, keyID, from: seconds, until: seconds + Self.placeLifetimeSeconds)
    }

    func pass(number: Int64, expiresMicros: Int64, keyID: UInt8, nowMicros now: Int64) -> AdmissionToken {
        self.token(
            .pass,
            number,
            keyID,
            from: UInt32(clamping: now / 1_000_000),
            until: UInt32(clamping: expiresMicros / 1_000_000)
        )
    }

    private func token(
        _ kind: AdmissionToken.Kind,
        _ number: Int64,
        _ keyID: UInt8,
        from: UInt32,
        until: UInt32
    ) -> AdmissionToken {
        AdmissionToken(
            kind: kind,
            keyID: keyID,
            lane: 0,
            room: self.roomID,
            epoch: UInt32(clamping: self.known.epoch),
            number: number,
            issuedSeconds: from,
            expiresSeconds: until
        )
    }
}
